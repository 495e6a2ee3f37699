package localstack_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
)

var countAttributes = []types.QueueAttributeName{
	types.QueueAttributeNameApproximateNumberOfMessages,
	types.QueueAttributeNameApproximateNumberOfMessagesNotVisible,
	types.QueueAttributeNameApproximateNumberOfMessagesDelayed,
}

// mapping is a mapping from a queue to the test's function, with further keys.
func mapping(arn string, keys ...string) string {
	text := "  - FunctionName: f\n    EventSourceArn: " + arn + "\n"
	for _, k := range keys {
		text += "    " + k + "\n"
	}
	return text
}

func (h *house) file(mappings ...string) string {
	return "Functions:\n  f: " + h.fn.yaml() + "\nEventSourceMappings:\n" + strings.Join(mappings, "")
}

const bodyWithSpaces = "{ \"order\" : 42,  \"note\":\"caf\u00e9 <&>\",\"order\":42.0 }"

func TestStandardPayload(t *testing.T) {
	for _, profile := range []struct {
		name, window string
		md5          bool // of message attributes, as null when there are none
	}{
		{"without a window", "MaximumBatchingWindowInSeconds: 0", false},
		{"with a window", "MaximumBatchingWindowInSeconds: 1", true},
	} {
		t.Run(profile.name, func(t *testing.T) {
			overServices(t, func(t *testing.T, h *house) {
				url, arn := h.queue("payload", map[string]string{"VisibilityTimeout": "20"})
				e := h.run(h.file(mapping(arn, profile.window)))
				id := h.send(sqs.SendMessageInput{QueueUrl: &url, MessageBody: aws.String(bodyWithSpaces)})
				eventually(t, "the message is handled", func() bool { return h.count(url) == 0 && h.fn.records() == 1 })

				rec := onlyRecord(t, h.fn.seen()[0].Raw)
				wantKeys(t, rec, profile.md5, "attributes", "awsRegion", "body", "eventSource", "eventSourceARN", "md5OfBody",
					"messageAttributes", "messageId", "receiptHandle")
				wantText(t, rec, map[string]string{
					"messageId": id, "body": bodyWithSpaces, "eventSource": "aws:sqs", "eventSourceARN": arn,
					"awsRegion": "us-east-1",
				})
				if got := string(rec["messageAttributes"]); got != "{}" {
					t.Errorf("messageAttributes %s, want {}", got)
				}
				checkAttributes(t, rec, "ApproximateFirstReceiveTimestamp", "ApproximateReceiveCount", "SenderId", "SentTimestamp")
				secondOpinion(t, h.fn.seen()[0].Raw)
				if code := e.stop(); code != 0 {
					t.Errorf("exit code %d", code)
				}
			})
		})
	}
}

func TestPayloadOfMessageAttributes(t *testing.T) {
	for _, window := range []int{0, 1} {
		t.Run(fmt.Sprint("window ", window), func(t *testing.T) {
			overServices(t, func(t *testing.T, h *house) {
				url, arn := h.queue("attributes", map[string]string{})
				h.run(h.file(mapping(arn, fmt.Sprint("MaximumBatchingWindowInSeconds: ", window))))
				h.send(sqs.SendMessageInput{
					QueueUrl: &url, MessageBody: aws.String("with attributes"),
					MessageAttributes: map[string]types.MessageAttributeValue{
						"Title":   {DataType: aws.String("String"), StringValue: aws.String("The Whistler")},
						"Author":  {DataType: aws.String("String"), StringValue: aws.String("John Grisham")},
						"WeeksOn": {DataType: aws.String("Number"), StringValue: aws.String("6")},
						"Cover":   {DataType: aws.String("Binary"), BinaryValue: []byte{0, 1, 254, 255}},
					},
				})
				eventually(t, "the message is handled", func() bool { return h.fn.records() == 1 })
				rec := onlyRecord(t, h.fn.seen()[0].Raw)
				wantKeys(t, rec, true, "attributes", "awsRegion", "body", "eventSource", "eventSourceARN", "md5OfBody",
					"messageAttributes", "messageId", "receiptHandle")
				var got map[string]map[string]any
				if err := json.Unmarshal(rec["messageAttributes"], &got); err != nil {
					t.Fatal(err)
				}
				want := map[string]map[string]any{
					"Title":   {"stringValue": "The Whistler", "dataType": "String"},
					"Author":  {"stringValue": "John Grisham", "dataType": "String"},
					"WeeksOn": {"stringValue": "6", "dataType": "Number"},
					"Cover":   {"binaryValue": "AAH+/w==", "dataType": "Binary"},
				}
				for _, value := range want {
					value["stringListValues"], value["binaryListValues"] = []any{}, []any{}
					for _, unused := range []string{"stringValue", "binaryValue"} {
						if _, used := value[unused]; !used && window > 0 {
							value[unused] = nil
						}
					}
				}
				if fmt.Sprint(got) != fmt.Sprint(want) {
					t.Errorf("messageAttributes\n%v, want\n%v", got, want)
				}
			})
		})
	}
}

func TestFIFOPayload(t *testing.T) {
	overServices(t, func(t *testing.T, h *house) {
		url, arn := h.queue("payload.fifo", map[string]string{"VisibilityTimeout": "5"})
		h.fn.answer = func(e event) (string, error) {
			if e.Records[0].Attributes["ApproximateReceiveCount"] == "1" {
				return "", fmt.Errorf("once more")
			}
			return "null", nil
		}
		h.run(h.file(mapping(arn)))
		id := h.send(sqs.SendMessageInput{
			QueueUrl: &url, MessageBody: aws.String("step-2"), MessageGroupId: aws.String("customer-17"),
			MessageDeduplicationId: aws.String("customer-17-step-2"),
		})
		eventually(t, "the message is handled at its second receive", func() bool { return h.fn.records() == 2 && h.count(url) == 0 })
		first, second := onlyRecord(t, h.fn.seen()[0].Raw), onlyRecord(t, h.fn.seen()[1].Raw)
		wantText(t, first, map[string]string{"messageId": id, "body": "step-2", "eventSourceARN": arn})
		attributes := checkAttributes(t, first, "ApproximateFirstReceiveTimestamp", "ApproximateReceiveCount", "MessageDeduplicationId",
			"MessageGroupId", "SenderId", "SentTimestamp", "SequenceNumber")
		again := checkAttributes(t, second, slices.Sorted(maps.Keys(attributes))...)
		for _, key := range []string{"SequenceNumber", "MessageDeduplicationId", "MessageGroupId", "SentTimestamp"} {
			if attributes[key] != again[key] {
				t.Errorf("%s was %s, and is %s at the second receive", key, attributes[key], again[key])
			}
		}
		if again["ApproximateReceiveCount"] != "2" {
			t.Errorf("ApproximateReceiveCount %s at the second receive", again["ApproximateReceiveCount"])
		}
		if string(first["receiptHandle"]) == string(second["receiptHandle"]) {
			t.Error("the same receipt handle at both receives")
		}
	})
}

func onlyRecord(t *testing.T, payload []byte) map[string]json.RawMessage {
	t.Helper()
	var e map[string][]map[string]json.RawMessage
	if err := json.Unmarshal(payload, &e); err != nil || len(e) != 1 || len(e["Records"]) != 1 {
		t.Fatalf("event %s, want one key, Records, with one record (%v)", payload, err)
	}
	return e["Records"][0]
}

// wantKeys checks a record's keys; md5 says that md5OfMessageAttributes is among them.
func wantKeys(t *testing.T, rec map[string]json.RawMessage, md5 bool, keys ...string) {
	t.Helper()
	if md5 {
		keys = append(keys, "md5OfMessageAttributes")
	}
	slices.Sort(keys)
	if got := slices.Sorted(maps.Keys(rec)); !slices.Equal(got, keys) {
		t.Errorf("keys %v, want %v", got, keys)
	}
}

func wantText(t *testing.T, rec map[string]json.RawMessage, want map[string]string) {
	t.Helper()
	for key, value := range want {
		var got string
		if err := json.Unmarshal(rec[key], &got); err != nil || got != value {
			t.Errorf("%s is %s, want %q", key, rec[key], value)
		}
	}
}

// checkAttributes checks that the system attributes hold at least these keys, and texts alone.
func checkAttributes(t *testing.T, rec map[string]json.RawMessage, keys ...string) map[string]string {
	t.Helper()
	var got map[string]string
	if err := json.Unmarshal(rec["attributes"], &got); err != nil {
		t.Fatalf("attributes %s: %v", rec["attributes"], err)
	}
	for _, key := range keys {
		if got[key] == "" {
			t.Errorf("attribute %s is missing from %v", key, got)
		}
	}
	return got
}

// secondOpinion decodes an event as Go handlers do.
func secondOpinion(t *testing.T, payload []byte) {
	t.Helper()
	var e events.SQSEvent
	if err := json.Unmarshal(payload, &e); err != nil {
		t.Errorf("aws-lambda-go cannot read the event: %v", err)
	}
	if e.Records[0].Body != bodyWithSpaces {
		t.Errorf("aws-lambda-go reads the body %q, want %q", e.Records[0].Body, bodyWithSpaces)
	}
}
