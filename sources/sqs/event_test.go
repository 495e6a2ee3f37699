package sqs

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"maps"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
)

var standardMessage = types.Message{
	MessageId:     aws.String("7c1f0f6e-2d0b-4a54-9a3e-0f6d8b1c2a11"),
	ReceiptHandle: aws.String("AQEBinventedStandardHandle0000=="),
	Body:          aws.String(`{"order":42,"note":"café"}`),
	Attributes: map[string]string{
		"ApproximateReceiveCount":          "1",
		"AWSTraceHeader":                   "Root=1-6789abcd-0123456789abcdef01234567;Parent=89abcdef01234567;Sampled=1",
		"SentTimestamp":                    "1764000000123",
		"SenderId":                         "AROAEXAMPLEROLEID0001:producer-session",
		"ApproximateFirstReceiveTimestamp": "1764000000189",
	},
	MessageAttributes: map[string]types.MessageAttributeValue{
		"tenant":  {StringValue: aws.String("acme"), DataType: aws.String("String")},
		"retries": {StringValue: aws.String("3"), DataType: aws.String("Number")},
		"thumb":   {BinaryValue: []byte{0, 1, 254, 255}, DataType: aws.String("Binary")},
	},
	MD5OfMessageAttributes: aws.String("35d6a6727405d45a3ac517d57e058283"),
	MD5OfBody:              aws.String("064462713cd63f00bcf73f29175629b2"),
}

func groupedMessage(fifo bool) types.Message {
	m := types.Message{
		MessageId:     aws.String("f3a1c7d2-88b4-4a0e-bb0c-5a6f7e8d9c01"),
		ReceiptHandle: aws.String("AQEBinventedFifoHandle0000=="),
		Body:          aws.String("step-2"),
		Attributes: map[string]string{
			"ApproximateReceiveCount":          "2",
			"SentTimestamp":                    "1764000100000",
			"MessageGroupId":                   "customer-17",
			"SenderId":                         "AIDAEXAMPLEUSERID0001",
			"ApproximateFirstReceiveTimestamp": "1764000100042",
		},
		MD5OfBody: aws.String("3585f29adee25684e6acc7d84c103c38"),
	}
	if fifo {
		m.Attributes["SequenceNumber"] = "18890000000000000512"
		m.Attributes["MessageDeduplicationId"] = "customer-17-step-2"
	}
	return m
}

func shapeOf(t testing.TB, text string, windowed bool) shape {
	t.Helper()
	a, err := parseARN(text)
	if err != nil {
		t.Fatal(err)
	}
	return newShape(a, windowed)
}

func TestGoldenRecords(t *testing.T) {
	tests := []struct {
		file     string
		arn      string
		windowed bool
		message  types.Message
	}{
		{"standard", standardARN, false, standardMessage},
		{"standard-windowed", standardARN, true, standardMessage},
		{"fifo", fifoARN, false, groupedMessage(true)},
		{"fair-windowed", standardARN, true, groupedMessage(false)},
	}
	for _, test := range tests {
		t.Run(test.file, func(t *testing.T) {
			golden, err := os.ReadFile("testdata/" + test.file + ".json")
			if err != nil {
				t.Fatal(err)
			}
			got, err := shapeOf(t, test.arn, test.windowed).event(&test.message)
			if err != nil {
				t.Fatal(err)
			}
			if !sameJSON(t, got, golden) {
				t.Errorf("got  %s\nwant %s", got, golden)
			}
			if want := compacted(t, got); !bytes.Equal(got, want) {
				t.Errorf("not compact: %s", got)
			}
			check(t, got, &test.message, test.arn)
		})
	}
}

// sameJSON compares key by key; absent and null differ.
func sameJSON(t *testing.T, a, b []byte) bool {
	t.Helper()
	var x, y any
	if err := errors.Join(json.Unmarshal(a, &x), json.Unmarshal(b, &y)); err != nil {
		t.Fatal(err)
	}
	return reflect.DeepEqual(x, y)
}

func compacted(t *testing.T, text []byte) []byte {
	t.Helper()
	var out bytes.Buffer
	if err := json.Compact(&out, text); err != nil {
		t.Fatalf("%q: %v", text, err)
	}
	return out.Bytes()
}

// check decodes an event as handlers in Go do, and compares it with the message that it was made of.
func check(t *testing.T, event []byte, m *types.Message, arn string) {
	t.Helper()
	var got events.SQSMessage
	dec := json.NewDecoder(bytes.NewReader(event))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&got); err != nil {
		t.Fatalf("%s: %v", event, err)
	}
	want := events.SQSMessage{
		MessageId: *m.MessageId, ReceiptHandle: *m.ReceiptHandle, Body: *m.Body, Md5OfBody: *m.MD5OfBody,
		Md5OfMessageAttributes: aws.ToString(m.MD5OfMessageAttributes),
		Attributes:             m.Attributes,
		MessageAttributes:      map[string]events.SQSMessageAttribute{},
		EventSourceARN:         arn, EventSource: "aws:sqs", AWSRegion: strings.Split(arn, ":")[3],
	}
	for name, a := range m.MessageAttributes {
		want.MessageAttributes[name] = events.SQSMessageAttribute{
			StringValue: a.StringValue, BinaryValue: a.BinaryValue, DataType: *a.DataType,
			StringListValues: []string{}, BinaryListValues: [][]byte{},
		}
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("decoded %+v\nwant    %+v", got, want)
	}
}

func TestAnEventWithoutEverything(t *testing.T) {
	for windowed, want := range map[bool]string{
		false: `{"messageId":"","receiptHandle":"","body":"","attributes":{},"messageAttributes":{},"md5OfBody":"d41d8cd98f00b204e9800998ecf8427e","eventSource":"aws:sqs","eventSourceARN":"` + standardARN + `","awsRegion":"eu-west-1"}`,
		true:  `{"messageId":"","receiptHandle":"","body":"","attributes":{},"messageAttributes":{},"md5OfMessageAttributes":null,"md5OfBody":"d41d8cd98f00b204e9800998ecf8427e","eventSource":"aws:sqs","eventSourceARN":"` + standardARN + `","awsRegion":"eu-west-1"}`,
	} {
		got, err := shapeOf(t, standardARN, windowed).event(&types.Message{})
		if err != nil || string(got) != want {
			t.Errorf("windowed %t: got %s, %v\nwant %s", windowed, got, err, want)
		}
	}
}

func FuzzEvent(f *testing.F) {
	f.Add("id", "handle", "body", "name", "value", []byte{1, 2}, true)
	f.Add("", "", "\"", "\\", "\n", []byte{}, false)
	f.Fuzz(func(t *testing.T, id, handle, body, name, value string, bin []byte, windowed bool) {
		m := types.Message{
			MessageId: &id, ReceiptHandle: &handle, Body: &body,
			Attributes: map[string]string{name: value, "SenderId": id},
			MessageAttributes: map[string]types.MessageAttributeValue{
				name: {StringValue: &value, DataType: &id}, "b": {BinaryValue: bin, DataType: &handle},
			},
		}
		event, err := shapeOf(t, standardARN, windowed).event(&m)
		if err != nil {
			t.Fatal(err)
		}
		var got events.SQSMessage
		if err := json.Unmarshal(event, &got); err != nil {
			t.Fatalf("%q: %v", event, err)
		}
		if got.Body != string([]rune(body)) || got.MessageId != string([]rune(id)) || len(got.Attributes) != len(m.Attributes) {
			t.Errorf("%q from %+v", event, m)
		}
		if b := got.MessageAttributes["b"]; !bytes.Equal(b.BinaryValue, bin) && name != "b" {
			t.Errorf("binary value %s, want %s", base64.StdEncoding.EncodeToString(b.BinaryValue), base64.StdEncoding.EncodeToString(bin))
		}
	})
}

func BenchmarkEvent(b *testing.B) {
	small, grouped, large := standardMessage, groupedMessage(true), groupedMessage(true)
	large.Body, large.MD5OfBody = aws.String(strings.Repeat(`{"name":"value"},`, 16<<10)), nil
	cases := map[string]types.Message{"small": small, "fifo": grouped, "256 KiB": large}
	for _, name := range slices.Sorted(maps.Keys(cases)) {
		m := cases[name]
		b.Run(name, func(b *testing.B) {
			s := shapeOf(b, standardARN, false)
			b.SetBytes(int64(len(*m.Body)))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := s.event(&m); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
