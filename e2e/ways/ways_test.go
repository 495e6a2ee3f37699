// Package ways_test tests how the events of topics, buckets, rules and schedules reach functions.
package ways_test

import (
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	eventtypes "github.com/aws/aws-sdk-go-v2/service/eventbridge/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/sns"
	snstypes "github.com/aws/aws-sdk-go-v2/service/sns/types"

	"github.com/esm-run/esm/e2e/rig"
)

// resources is a file's list, in which NAME is the suffix of the test's names.
const resources = `
  Topics:
    - Name: alertsNAME
      Subscriptions:
        - {Protocol: lambda, Endpoint: of-topic, FilterPolicy: '{"level": ["high"]}'}
  Buckets:
    - Bucket: photosNAME
      NotificationConfiguration:
        LambdaFunctionConfigurations:
          - LambdaFunctionArn: of-bucket
            Events: ["s3:ObjectCreated:*"]
            Filter: {Key: {FilterRules: [{Name: suffix, Value: .jpg}]}}
  EventBuses:
    - Name: shopNAME
  Rules:
    - Name: paidNAME
      EventBusName: shopNAME
      EventPattern: '{"source": ["shop"]}'
      Targets:
        - {Id: whole, Arn: of-rule}
        - {Id: detail, Arn: of-detail, InputPath: $.detail}
    - Name: minutesNAME
      ScheduleExpression: cron(* * * * ? *)
      Targets: [{Id: tick, Arn: of-schedule}]
`

// The services here are outside the engine and cannot invoke its functions: topics deliver to its HTTP server, and buckets and
// rules to topics. Schedules run in the engine.
func TestWaysOfOtherServices(t *testing.T) {
	rig.On(t, rig.AsyncServices, func(t *testing.T, e *rig.Env) {
		functions := map[string]*rig.Function{}
		entries := []rig.Entry{rig.Resources(strings.ReplaceAll(resources, "NAME", e.Suffix))}
		for _, name := range []string{"of-topic", "of-bucket", "of-rule", "of-detail", "of-schedule"} {
			functions[name] = e.Function(name, rig.Succeed)
			entries = append(entries, functions[name])
		}
		engine := e.Run(entries...)

		topic := "arn:aws:sns:us-east-1:000000000000:alerts" + e.Suffix
		publish(e, topic, "low", "never mind")
		publish(e, topic, "high", "the <roof> is on fire")
		put(e, "notes.txt", "no picture")
		put(e, "in/my picture.jpg", "a picture")
		emit(e, "elsewhere", `{"state": "open"}`)
		emit(e, "shop", `{"state": "paid"}`)

		var ofTopic struct {
			Records []struct {
				EventSource, EventVersion, EventSubscriptionArn string

				Sns struct {
					Type, TopicArn, Message string
					MessageAttributes       map[string]struct{ Type, Value string }
				}
			}
		}
		only(t, functions["of-topic"], &ofTopic)
		r := ofTopic.Records[0]
		if r.EventSource != "aws:sns" || r.EventVersion != "1.0" || !strings.HasPrefix(r.EventSubscriptionArn, topic+":") ||
			r.Sns.Type != "Notification" || r.Sns.TopicArn != topic || r.Sns.Message != "the <roof> is on fire" ||
			r.Sns.MessageAttributes["level"].Value != "high" {
			t.Errorf("of the topic, the function was given %+v", ofTopic)
		}

		var ofBucket struct {
			Records []struct {
				EventSource, EventName string

				S3 struct {
					Bucket struct{ Name string }
					Object struct {
						Key  string
						Size int
					}
				}
			}
		}
		only(t, functions["of-bucket"], &ofBucket)
		o := ofBucket.Records[0]
		key, _ := url.QueryUnescape(o.S3.Object.Key) // S3 writes a space as +, LocalStack as %20
		if o.EventSource != "aws:s3" || o.EventName != "ObjectCreated:Put" || o.S3.Bucket.Name != "photos"+e.Suffix ||
			key != "in/my picture.jpg" || o.S3.Object.Size != len("a picture") {
			t.Errorf("of the bucket, the function was given %+v", ofBucket)
		}

		var ofRule event
		only(t, functions["of-rule"], &ofRule)
		if ofRule.Source != "shop" || ofRule.DetailType != "order" || ofRule.Detail["state"] != "paid" {
			t.Errorf("of the rule, the function was given %+v", ofRule)
		}
		var detail map[string]string
		only(t, functions["of-detail"], &detail)
		if fmt.Sprint(detail) != "map[state:paid]" {
			t.Errorf("of the rule's InputPath, the function was given %v", detail)
		}

		var ofSchedule event
		calls(t, functions["of-schedule"], &ofSchedule) // within a minute
		rule := "arn:aws:events:us-east-1:000000000000:rule/minutes" + e.Suffix
		if ofSchedule.Source != "aws.events" || ofSchedule.DetailType != "Scheduled Event" || fmt.Sprint(ofSchedule.Resources) != "["+rule+"]" {
			t.Errorf("of the schedule, the function was given %+v", ofSchedule)
		}
		engine.Stop()
	})
}

// event is an event of EventBridge.
type event struct {
	Source     string
	DetailType string `json:"detail-type"`
	Resources  []string
	Detail     map[string]string
}

// calls waits until a function was invoked, reads the first event, and returns the number of invocations.
func calls(t *testing.T, f *rig.Function, event any) int {
	t.Helper()
	rig.Eventually(t, f.Name+" is invoked", func() bool { return len(f.Calls()) > 0 })
	all := f.Calls()
	if err := json.Unmarshal(all[0].Event, event); err != nil {
		t.Fatalf("%s was given %s: %v", f.Name, all[0].Event, err)
	}
	return len(all)
}

// only is like calls, for a function that is invoked once.
func only(t *testing.T, f *rig.Function, event any) {
	t.Helper()
	if n := calls(t, f, event); n != 1 {
		t.Errorf("%s was invoked %d times, want 1: first with %s", f.Name, n, f.Calls()[0].Event)
	}
}

func publish(e *rig.Env, topic, level, message string) {
	e.Helper()
	_, err := e.SNS.Publish(e.Context(), &sns.PublishInput{
		TopicArn: &topic, Message: &message,
		MessageAttributes: map[string]snstypes.MessageAttributeValue{"level": {DataType: aws.String("String"), StringValue: &level}},
	})
	e.Must(err)
}

func put(e *rig.Env, key, content string) {
	e.Helper()
	_, err := e.S3.PutObject(e.Context(), &s3.PutObjectInput{Bucket: aws.String("photos" + e.Suffix), Key: &key, Body: strings.NewReader(content)})
	e.Must(err)
}

func emit(e *rig.Env, source, detail string) {
	e.Helper()
	out, err := e.EventBridge.PutEvents(e.Context(), &eventbridge.PutEventsInput{Entries: []eventtypes.PutEventsRequestEntry{{
		EventBusName: aws.String("shop" + e.Suffix), Source: &source, DetailType: aws.String("order"), Detail: &detail,
	}}})
	e.Must(err)
	if out.FailedEntryCount > 0 {
		e.Fatalf("the event of %s: %+v", source, out.Entries)
	}
}
