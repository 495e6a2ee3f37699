package sqs

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"reflect"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/schemas"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/esm-run/esm"
	"github.com/esm-run/esm/sources/internal/awstest"
)

// Messages as SQS sends them.
const (
	standardMessage = `{
		"MessageId": "7c1f0f6e-2d0b-4a54-9a3e-0f6d8b1c2a11", "ReceiptHandle": "AQEBinventedStandardHandle0000==",
		"MD5OfBody": "064462713cd63f00bcf73f29175629b2", "Body": "{\"order\":42,\"note\":\"caf\u00e9\"}",
		"Attributes": {
			"ApproximateReceiveCount": "1",
			"AWSTraceHeader": "Root=1-6789abcd-0123456789abcdef01234567;Parent=89abcdef01234567;Sampled=1",
			"SentTimestamp": "1764000000123", "SenderId": "AROAEXAMPLEROLEID0001:producer-session",
			"ApproximateFirstReceiveTimestamp": "1764000000189"
		},
		"MessageAttributes": {
			"tenant": {"StringValue": "acme", "DataType": "String"},
			"retries": {"StringValue": "3", "BinaryValue": null, "DataType": "Number", "StringListValues": []},
			"thumb": {"BinaryValue": "AAH+/w==", "DataType": "Binary"}
		},
		"MD5OfMessageAttributes": "35d6a6727405d45a3ac517d57e058283"
	}`
	groupedMessage = `{
		"MessageId": "f3a1c7d2-88b4-4a0e-bb0c-5a6f7e8d9c01", "ReceiptHandle": "AQEBinventedFifoHandle0000==",
		"MD5OfBody": "3585f29adee25684e6acc7d84c103c38", "Body": "step-2",
		"Attributes": {
			"ApproximateReceiveCount": "2", "SentTimestamp": "1764000100000",%s "MessageGroupId": "customer-17",
			"SenderId": "AIDAEXAMPLEUSERID0001",%s "ApproximateFirstReceiveTimestamp": "1764000100042"
		}
	}`
)

var (
	fifoMessage = fmt.Sprintf(groupedMessage, `"SequenceNumber": "18890000000000000512",`, `"MessageDeduplicationId": "customer-17-step-2",`)
	fairMessage = fmt.Sprintf(groupedMessage, "", "")
)

func decoderOf(t testing.TB, text string, windowed bool) *decoder {
	t.Helper()
	return &decoder{shape: newShape(awstest.ARN(text), windowed)}
}

// answerOf is the answer to a ReceiveMessage.
func answerOf(messages ...string) []byte {
	return []byte(`{"Messages": [` + strings.Join(messages, " , ") + "]}\n")
}

func TestGoldenRecords(t *testing.T) {
	for file, test := range map[string]struct {
		arn      string
		windowed bool
		message  string
	}{
		"standard":          {standardARN, false, standardMessage},
		"standard-windowed": {standardARN, true, standardMessage},
		"fifo":              {fifoARN, false, fifoMessage},
		"fair-windowed":     {standardARN, true, fairMessage},
	} {
		t.Run(file, func(t *testing.T) {
			d := decoderOf(t, test.arn, test.windowed)
			for range 2 { // a decoder is used again
				if err := d.decode(answerOf(test.message)); err != nil || d.damaged != nil || len(d.recs) != 1 {
					t.Fatalf("%d records, %v, %v", len(d.recs), err, d.damaged)
				}
				awstest.Golden(t, file+".json", d.recs[0].Event)
				awstest.Decode[events.SQSMessage](t, d.recs[0].Event)
			}
		})
	}
}

func TestTraceHeader(t *testing.T) {
	d := decoderOf(t, standardARN, false)
	const header = "Root=1-6789abcd-0123456789abcdef01234567;Parent=89abcdef01234567;Sampled=1"
	if err := d.decode(answerOf(standardMessage, fairMessage)); err != nil || d.recs[0].TraceHeader != header || d.recs[1].TraceHeader != "" {
		t.Errorf("got %v and the headers %q and %q", err, d.recs[0].TraceHeader, d.recs[1].TraceHeader)
	}
}

func TestMessageWithoutMembers(t *testing.T) {
	const want = `{"messageId":"","receiptHandle":"","body":"","attributes":{},"messageAttributes":{},%s"md5OfBody":"d41d8cd98f00b204e9800998ecf8427e","eventSource":"aws:sqs","eventSourceARN":"` + standardARN + `","awsRegion":"eu-west-1"}`
	for windowed, md5 := range map[bool]string{false: "", true: `"md5OfMessageAttributes":null,`} {
		d := decoderOf(t, standardARN, windowed)
		if err := d.decode(answerOf("{}")); err != nil || len(d.recs) != 1 || string(d.recs[0].Event) != fmt.Sprintf(want, md5) {
			t.Errorf("windowed %t: got %v, %v", windowed, d.recs, err)
		}
	}
}

func TestAnswersWithoutMessages(t *testing.T) {
	for _, answer := range []string{"", "{}", `{"Messages":null}`, `{"Messages":[ ]}`, `{"Else":{"a":["]}"]},"Messages":[]}`} {
		if d := decoderOf(t, standardARN, false); d.decode([]byte(answer)) != nil || len(d.recs) != 0 {
			t.Errorf("%q: %v", answer, d.recs)
		}
	}
	for _, answer := range []string{
		"oops", `"oops"`, "[]", "{", `{"Messages"`, `{"Messages":`, `{"Messages":[`, `{"Messages":[{`, `{"Messages":[{}`, `{"Messages":[{}]`, `{"Messages":{}}`,
		`{"Messages":[1]}`, `{"Messages":[{"Body":1}]}`, `{"Messages":[{"Body":"\x"}]}`, `{"Messages":[{"Body":"\u00g0"}]}`, `{"Messages":[{"Body":"}]}`,
		`{"Messages":[{"Attributes":[]}]}`, `{"Messages":[{"Attributes":{"a":1}}]}`, `{"Messages":[{"MessageAttributes":{"a":"b"}}]}`, `{"Messages":[{} {}]}`,
	} {
		if d := decoderOf(t, standardARN, false); !errors.Is(d.decode([]byte(answer)), errMalformed) {
			t.Errorf("%q: %v", answer, d.recs)
		}
	}
}

// FuzzDecode compares what is decoded with what the SDK makes of the same answer.
func FuzzDecode(f *testing.F) {
	for _, m := range []string{standardMessage, fifoMessage, fairMessage, "{}", `{"Body":"\ud83d\ude00\ud83d\"\\\/\b\f\n\r\t"}`, `{"Body":"\ud83dx\ude00"}`} {
		f.Add(answerOf(m))
		f.Add(answerOf(m, m))
	}
	f.Add([]byte(`{}`))
	op := smithy.NewOperationSchema(schemas.ReceiveMessage, schemas.ReceiveMessageRequest, schemas.ReceiveMessageResult)
	f.Fuzz(func(t *testing.T, answer []byte) {
		d := decoderOf(t, fifoARN, false)
		err := d.decode(answer)
		for _, r := range d.recs {
			if !json.Valid(r.Event) {
				t.Fatalf("%q became %q", answer, r.Event)
			}
		}
		if !json.Valid(answer) || !utf8.Valid(answer) || d.damaged != nil { // the SDK may panic at what is not JSON
			return
		}
		var out sdk.ReceiveMessageOutput
		resp := &smithyhttp.Response{Response: &http.Response{StatusCode: http.StatusOK, Body: io.NopCloser(bytes.NewReader(answer))}}
		if newProtocol().DeserializeResponse(t.Context(), op, nil, resp, &out) != nil {
			return
		}
		if err != nil || len(d.recs) != len(out.Messages) {
			t.Fatalf("%q: %d records, %v, want %d", answer, len(d.recs), err, len(out.Messages))
		}
		for i := range d.recs {
			compare(t, &d.recs[i], &out.Messages[i])
		}
	})
}

// compare compares a record, as handlers in Go decode it, with the SDK's message.
func compare(t *testing.T, r *esm.Record, m *types.Message) {
	t.Helper()
	got := awstest.Decode[events.SQSMessage](t, r.Event)
	want := events.SQSMessage{
		MessageId: aws.ToString(m.MessageId), ReceiptHandle: aws.ToString(m.ReceiptHandle), Body: aws.ToString(m.Body),
		Attributes: m.Attributes, MessageAttributes: map[string]events.SQSMessageAttribute{},
		EventSourceARN: fifoARN, EventSource: "aws:sqs", AWSRegion: "eu-west-1", Md5OfBody: got.Md5OfBody,
		Md5OfMessageAttributes: got.Md5OfMessageAttributes,
	}
	if want.Attributes == nil {
		want.Attributes = map[string]string{}
	}
	for name, a := range m.MessageAttributes {
		want.MessageAttributes[name] = events.SQSMessageAttribute{
			StringValue: a.StringValue, BinaryValue: a.BinaryValue, DataType: aws.ToString(a.DataType),
			StringListValues: []string{}, BinaryListValues: [][]byte{},
		}
	}
	if !reflect.DeepEqual(got, want) || r.ID != want.MessageId || r.Receipt != want.ReceiptHandle || r.Group != want.Attributes["MessageGroupId"] {
		t.Errorf("decoded %+v\nwant    %+v", got, want)
	}
}
