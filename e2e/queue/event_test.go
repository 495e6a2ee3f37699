// Package queue_test shows mappings of SQS queues: the events that functions get, what becomes of messages, and what
// starting and stopping does to them.
package queue_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"testing"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/esm-run/esm/e2e/rig"
)

const bodyWithSpaces = "{ \"order\" : 42,  \"note\":\"caf\u00e9 <&>\",\"order\":42.0 }"

var recordKeys = []string{
	"attributes", "awsRegion", "body", "eventSource", "eventSourceARN", "md5OfBody", "messageAttributes", "messageId", "receiptHandle",
}

// With a batching window, Lambda names what a message does not have as null.
func TestEventOfStandardQueue(t *testing.T) {
	t.Parallel()
	for _, window := range []int{0, 1} {
		t.Run(fmt.Sprint("window ", window), func(t *testing.T) {
			rig.On(t, rig.Queues, func(t *testing.T, e *rig.Env) {
				q := e.Queue("event", rig.Attributes{"VisibilityTimeout": "60"})
				f := e.Function("f", rig.Succeed)
				plain := q.SendMessage(sqs.SendMessageInput{MessageBody: aws.String(bodyWithSpaces)})
				q.SendMessage(sqs.SendMessageInput{
					MessageBody: aws.String("with attributes"),
					MessageAttributes: map[string]types.MessageAttributeValue{
						"Title":   {DataType: aws.String("String"), StringValue: aws.String("The Whistler")},
						"WeeksOn": {DataType: aws.String("Number"), StringValue: aws.String("6")},
						"Cover":   {DataType: aws.String("Binary"), BinaryValue: []byte{0, 1, 254, 255}},
					},
				})
				e.Run(f.On(q.ARN, fmt.Sprint("MaximumBatchingWindowInSeconds: ", window)))
				q.WaitCount(0)
				records := recordsByBody(t, f)
				checkPlain(t, records[bodyWithSpaces], plain, q.ARN, window > 0)
				checkMessageAttributes(t, records["with attributes"], window > 0)
			})
		})
	}
}

// recordsByBody checks that events have Records alone and that aws-lambda-go reads them, and returns the records.
func recordsByBody(t *testing.T, f *rig.Function) map[string]map[string]json.RawMessage {
	t.Helper()
	all := map[string]map[string]json.RawMessage{}
	for _, c := range f.Calls() {
		var e map[string][]map[string]json.RawMessage
		var second events.SQSEvent
		if err := errors.Join(json.Unmarshal(c.Event, &e), json.Unmarshal(c.Event, &second)); err != nil || len(e) != 1 || len(second.Records) == 0 {
			t.Fatalf("event %s, want one key, Records (%v)", c.Event, err)
		}
		for i, r := range e["Records"] {
			all[second.Records[i].Body] = r
		}
	}
	return all
}

func checkPlain(t *testing.T, r map[string]json.RawMessage, id, arn string, md5 bool) {
	t.Helper()
	want := slices.Clone(recordKeys)
	if md5 {
		want = slices.Insert(want, 6, "md5OfMessageAttributes")
	}
	if got := slices.Sorted(maps.Keys(r)); !slices.Equal(got, want) {
		t.Errorf("keys %v, want %v", got, want)
	}
	for key, want := range map[string]string{
		"messageId": id, "body": bodyWithSpaces, "eventSource": "aws:sqs", "eventSourceARN": arn, "awsRegion": "us-east-1",
	} {
		var got string
		if err := json.Unmarshal(r[key], &got); err != nil || got != want {
			t.Errorf("%s is %s, want %q", key, r[key], want)
		}
	}
	if got := string(r["messageAttributes"]); got != "{}" {
		t.Errorf("messageAttributes %s, want {}", got)
	}
	attributes := map[string]string{}
	if err := json.Unmarshal(r["attributes"], &attributes); err != nil {
		t.Fatal(err)
	}
	wantAttributes(t, attributes, "ApproximateFirstReceiveTimestamp", "ApproximateReceiveCount", "SenderId", "SentTimestamp")
}

func wantAttributes(t *testing.T, attributes map[string]string, keys ...string) {
	t.Helper()
	for _, key := range keys {
		if attributes[key] == "" {
			t.Errorf("attribute %s is missing from %v", key, attributes)
		}
	}
}

func checkMessageAttributes(t *testing.T, r map[string]json.RawMessage, nulls bool) {
	t.Helper()
	var got map[string]map[string]any
	if err := json.Unmarshal(r["messageAttributes"], &got); err != nil {
		t.Fatal(err)
	}
	want := map[string]map[string]any{
		"Title":   {"stringValue": "The Whistler", "dataType": "String"},
		"WeeksOn": {"stringValue": "6", "dataType": "Number"},
		"Cover":   {"binaryValue": "AAH+/w==", "dataType": "Binary"},
	}
	for _, value := range want {
		value["stringListValues"], value["binaryListValues"] = []any{}, []any{}
		for _, unused := range []string{"stringValue", "binaryValue"} {
			if _, used := value[unused]; !used && nulls {
				value[unused] = nil
			}
		}
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("messageAttributes\n%v, want\n%v", got, want)
	}
	if len(r["md5OfMessageAttributes"]) < 34 {
		t.Errorf("md5OfMessageAttributes is %s", r["md5OfMessageAttributes"])
	}
}

func TestEventOfFIFOQueue(t *testing.T) {
	rig.On(t, rig.Queues, func(t *testing.T, e *rig.Env) {
		q := e.Queue("event.fifo", rig.Attributes{"VisibilityTimeout": "5"})
		f := e.Function("f", rig.Script(rig.Fail, rig.Succeed))
		e.Run(f.On(q.ARN))
		id := q.SendMessage(sqs.SendMessageInput{
			MessageBody: aws.String("step-2"), MessageGroupId: aws.String("customer-17"), MessageDeduplicationId: aws.String("customer-17-step-2"),
		})
		q.WaitCount(0)
		calls := f.Calls()
		if len(calls) != 2 {
			t.Fatalf("%d invocations, want 2", len(calls))
		}
		first, second := calls[0].Records[0], calls[1].Records[0]
		if first.ID != id || first.Text != "step-2" || first.Source != q.ARN {
			t.Errorf("record %+v", first)
		}
		same := []string{"SequenceNumber", "MessageDeduplicationId", "MessageGroupId", "SentTimestamp"}
		wantAttributes(t, first.Attributes, append(same, "ApproximateFirstReceiveTimestamp", "SenderId")...)
		for _, key := range same {
			if first.Attributes[key] != second.Attributes[key] {
				t.Errorf("%s was %s, and is %s at the second receive", key, first.Attributes[key], second.Attributes[key])
			}
		}
		if n := second.Attributes["ApproximateReceiveCount"]; n != "2" {
			t.Errorf("ApproximateReceiveCount %s at the second receive", n)
		}
	})
}
