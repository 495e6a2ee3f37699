package embedded

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	eventtypes "github.com/aws/aws-sdk-go-v2/service/eventbridge/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/aws-sdk-go-v2/service/sns"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	sqstypes "github.com/aws/aws-sdk-go-v2/service/sqs/types"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/esm-run/esm"
	"github.com/esm-run/esm/engine/filter"
	"github.com/esm-run/esm/localstack/embedded/inprocess"
	"github.com/esm-run/esm/localstack/embedded/relay"
)

// An accepted is an acceptor that keeps the events in memory, or fails.
type accepted struct {
	mu     sync.Mutex
	err    error
	events []esm.Event
}

func (a *accepted) Accept(_ context.Context, e esm.Event) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.err == nil {
		a.events = append(a.events, e)
	}
	return a.err
}

// functions returns the sorted names of the functions that events were accepted for.
func (a *accepted) functions() string {
	a.mu.Lock()
	defer a.mu.Unlock()
	var names []string
	for _, e := range a.events {
		names = append(names, e.Function)
	}
	slices.Sort(names)
	return strings.Join(names, " ")
}

// has returns a test for functions of those names.
func has(names ...string) func(string) bool {
	return func(function string) bool { return slices.Contains(names, function) }
}

func compile(pattern []byte) (func([]byte) bool, error) {
	f, err := filter.Compile([]string{string(pattern)}, "")
	if err != nil {
		return nil, err
	}
	return f.Match, nil
}

const lambdaARN = "arn:aws:lambda:us-east-1:000000000000:function:"

func TestFunctions(t *testing.T) {
	all := new(accepted)
	f := functions{all, has("hook", "hook:live")}
	for arn, want := range map[string]bool{
		lambdaARN + "hook": true, lambdaARN + "hook:live": true, lambdaARN + "hook:1": false, lambdaARN + "other": false, "hook!": false,
	} {
		err := f.Deliver(t.Context(), arn, relay.Message{Body: "{}"})
		if f.Has(arn) != want || (err == nil) != want || err != nil && !relay.Refused(err) {
			t.Errorf("%s: got %v, %v", arn, f.Has(arn), err)
		}
	}
	if got := all.functions(); got != "hook hook:live" {
		t.Errorf("accepted for %s", got)
	}
	if err := f.Deliver(t.Context(), lambdaARN+"hook", relay.Message{Body: strings.Repeat(" ", esm.MaxEvent+1)}); !relay.Refused(err) {
		t.Errorf("an event that is too large: %v", err)
	}
	if !(functions{accept: all}).Has(lambdaARN+"any") || (functions{has: has("hook")}).Has(lambdaARN+"hook") {
		t.Error("which functions exist depends on both fields")
	}
	all.err = errors.New("disk full")
	if err := f.Deliver(t.Context(), lambdaARN+"hook", relay.Message{Body: "{}"}); !errors.Is(err, all.err) || relay.Refused(err) {
		t.Errorf("got %v", err)
	}
}

const trace = "Root=1-6789abcd-0123456789abcdef01234567;Sampled=1"

// TestWaysIn lets an object go to a function in every way, with the trace header of the request that put it.
func TestWaysIn(t *testing.T) {
	all := new(accepted)
	c := newClients(t, inprocess.Config(&Server{Functions: all, Pattern: compile}))
	ctx := t.Context()
	topic, err := c.sns.CreateTopic(ctx, &sns.CreateTopicInput{Name: name})
	c.must(err)
	_, err = c.sns.Subscribe(ctx, &sns.SubscribeInput{TopicArn: topic.TopicArn, Protocol: aws.String("lambda"), Endpoint: aws.String(lambdaARN + "by-topic")})
	c.must(err)
	_, err = c.events.PutRule(ctx, &eventbridge.PutRuleInput{Name: name, EventPattern: aws.String(`{"source":["aws.s3"],"detail":{"object":{"size":[{"numeric":["=",5]}]}}}`)})
	c.must(err)
	_, err = c.events.PutTargets(ctx, &eventbridge.PutTargetsInput{Rule: name, Targets: []eventtypes.Target{
		{Id: aws.String("f"), Arn: aws.String(lambdaARN + "by-rule")}, {Id: aws.String("t"), Arn: topic.TopicArn, Input: aws.String(`"constant"`)},
	}})
	c.must(err)
	_, err = c.s3.CreateBucket(ctx, &s3.CreateBucketInput{Bucket: name})
	c.must(err)
	created := []s3types.Event{s3types.EventS3ObjectCreated}
	_, err = c.s3.PutBucketNotificationConfiguration(ctx, &s3.PutBucketNotificationConfigurationInput{Bucket: name, NotificationConfiguration: &s3types.NotificationConfiguration{
		LambdaFunctionConfigurations: []s3types.LambdaFunctionConfiguration{{LambdaFunctionArn: aws.String(lambdaARN + "direct"), Events: created, Filter: &s3types.NotificationConfigurationFilter{
			Key: &s3types.S3KeyFilter{FilterRules: []s3types.FilterRule{{Name: s3types.FilterRuleNameSuffix, Value: aws.String(".txt")}}}}}},
		EventBridgeConfiguration: &s3types.EventBridgeConfiguration{},
	}})
	c.must(err)
	_, err = c.s3.PutObject(ctx, &s3.PutObjectInput{Bucket: name, Key: aws.String("k.txt"), Body: strings.NewReader("latte")}, func(o *s3.Options) {
		o.APIOptions = append(o.APIOptions, smithyhttp.AddHeaderValue("X-Amzn-Trace-Id", trace))
	})
	c.must(err)
	begins := map[string]string{
		"direct": `{"Records":[{"eventVersion":"2.1","eventSource":"aws:s3",`, "by-rule": `{"version":"0","id":"`,
		"by-topic": `{"Records":[{"EventSource":"aws:sns",`,
	}
	if got, want := all.functions(), "by-rule by-topic direct"; got != want {
		t.Errorf("functions got events: %s, want %s", got, want)
	}
	for _, e := range all.events {
		if !strings.HasPrefix(string(e.Payload), begins[e.Function]) || e.TraceHeader != trace || e.ID != "" || !e.Accepted.IsZero() {
			t.Errorf("accepted %+v %s", e, e.Payload)
		}
	}
	// What is not accepted is not acknowledged.
	all.err = errors.New("disk full")
	if _, err := c.s3.PutObject(ctx, &s3.PutObjectInput{Bucket: name, Key: aws.String("k.txt"), Body: strings.NewReader("latte")}); err == nil || !strings.Contains(err.Error(), "disk full") {
		t.Errorf("got %v", err)
	}
	if _, err := c.sns.Publish(ctx, &sns.PublishInput{TopicArn: topic.TopicArn, Message: aws.String("m")}); err == nil || !strings.Contains(err.Error(), "disk full") {
		t.Errorf("got %v", err)
	}
}

// A delivery that is lost is reported.
func TestGivenUp(t *testing.T) {
	var lost []string
	c := newClients(t, inprocess.Config(&Server{GivenUp: func(target string, err error) { lost = append(lost, fmt.Sprint(target, ": ", err)) }}))
	topic, err := c.sns.CreateTopic(t.Context(), &sns.CreateTopicInput{Name: name})
	c.must(err)
	for protocol, endpoint := range map[string]string{"lambda": lambdaARN + "none", "sqs": "arn:aws:sqs:us-east-1:000000000000:none"} {
		_, err = c.sns.Subscribe(t.Context(), &sns.SubscribeInput{TopicArn: topic.TopicArn, Protocol: &protocol, Endpoint: &endpoint})
		c.must(err)
	}
	_, err = c.sns.Publish(t.Context(), &sns.PublishInput{TopicArn: topic.TopicArn, Message: aws.String("m")})
	c.must(err)
	slices.Sort(lost)
	want := []string{
		lambdaARN + "none: ResourceNotFoundException: Function not found: " + lambdaARN + "none",
		"arn:aws:sqs:us-east-1:000000000000:none: AWS.SimpleQueueService.NonExistentQueue: The specified queue does not exist.",
	}
	if !slices.Equal(lost, want) {
		t.Errorf("got  %q\nwant %q", lost, want)
	}
}

// TestWebSubscription subscribes a real HTTP endpoint, which confirms as AWS's guide says and then gets a message.
func TestWebSubscription(t *testing.T) {
	got := make(chan string, 3)
	endpoint := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		if r.Header.Get("X-Amz-Sns-Message-Type") != "SubscriptionConfirmation" {
			got <- string(body)
			return
		}
		_, link, _ := strings.Cut(string(body), `"SubscribeURL":"`)
		link, _, _ = strings.Cut(link, `"`)
		answer, err := http.Get(link)
		if err != nil || answer.StatusCode != http.StatusOK {
			t.Errorf("got %v, %v of %s", answer, err, link)
			return
		}
		answer.Body.Close()
		got <- "confirmed"
	}))
	defer endpoint.Close()
	url, stop := serve(t)
	c := newClients(t, at(url))
	topic, err := c.sns.CreateTopic(t.Context(), &sns.CreateTopicInput{Name: name})
	c.must(err)
	_, err = c.sns.Subscribe(t.Context(), &sns.SubscribeInput{TopicArn: topic.TopicArn, Protocol: aws.String("http"), Endpoint: &endpoint.URL, Attributes: map[string]string{"RawMessageDelivery": "true"}})
	c.must(err)
	if first := <-got; first != "confirmed" {
		t.Errorf("got %s", first)
	}
	_, err = c.sns.Publish(t.Context(), &sns.PublishInput{TopicArn: topic.TopicArn, Message: aws.String("latte")})
	c.must(err)
	if message := <-got; message != "latte" {
		t.Errorf("got %s", message)
	}
	c.must(stop())
}

// A trace header passes through a topic into a queue.
func TestTraceThroughTopics(t *testing.T) {
	c := newClients(t, inprocess.Config(new(Server)))
	ctx := t.Context()
	queue, err := c.sqs.CreateQueue(ctx, &sqs.CreateQueueInput{QueueName: name})
	c.must(err)
	topic, err := c.sns.CreateTopic(ctx, &sns.CreateTopicInput{Name: name})
	c.must(err)
	_, err = c.sns.Subscribe(ctx, &sns.SubscribeInput{TopicArn: topic.TopicArn, Protocol: aws.String("sqs"), Endpoint: aws.String("arn:aws:sqs:us-east-1:000000000000:orders")})
	c.must(err)
	_, err = c.sns.Publish(ctx, &sns.PublishInput{TopicArn: topic.TopicArn, Message: aws.String("m")}, func(o *sns.Options) {
		o.APIOptions = append(o.APIOptions, smithyhttp.AddHeaderValue("X-Amzn-Trace-Id", trace))
	})
	c.must(err)
	out, err := c.sqs.ReceiveMessage(ctx, &sqs.ReceiveMessageInput{QueueUrl: queue.QueueUrl, MessageSystemAttributeNames: []sqstypes.MessageSystemAttributeName{"AWSTraceHeader"}})
	c.must(err)
	if len(out.Messages) != 1 || out.Messages[0].Attributes["AWSTraceHeader"] != trace {
		t.Errorf("got %+v", out.Messages)
	}
}
