package sqs

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	sdk "github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/esm-run/esm"
)

// canned answers each operation with the same bytes, as fast as can be.
type canned map[string][]byte

func (c canned) Do(req *http.Request) (*http.Response, error) {
	_, _ = io.Copy(io.Discard, req.Body)
	body := c[strings.TrimPrefix(req.Header.Get("X-Amz-Target"), "AmazonSQS.")]
	return &http.Response{
		StatusCode: http.StatusOK, Header: http.Header{"Content-Type": {"application/x-amz-json-1.0"}}, Request: req,
		Body: io.NopCloser(bytes.NewReader(body)), ContentLength: int64(len(body)),
	}, nil
}

func benchQueue(b *testing.B) *Queue {
	marshal := func(v any) []byte {
		text, err := json.Marshal(v)
		if err != nil {
			b.Fatal(err)
		}
		return text
	}
	var received, deleted []any
	for i := range 10 {
		m := standardMessage
		received = append(received, map[string]any{
			"MessageId": *m.MessageId, "ReceiptHandle": *m.ReceiptHandle, "Body": *m.Body, "MD5OfBody": *m.MD5OfBody,
			"Attributes": m.Attributes,
		})
		deleted = append(deleted, map[string]any{"Id": fmt.Sprint(i)})
	}
	cfg := newService().Config("")
	cfg.HTTPClient = canned{
		"ReceiveMessage":     marshal(map[string]any{"Messages": received}),
		"DeleteMessageBatch": marshal(map[string]any{"Successful": deleted, "Failed": []any{}}),
		"GetQueueAttributes": marshal(map[string]any{"Attributes": map[string]string{"VisibilityTimeout": "30"}}),
	}
	q, err := New(Config{Client: sdk.NewFromConfig(cfg), ARN: standardARN})
	if err != nil {
		b.Fatal(err)
	}
	return q
}

func BenchmarkReceive(b *testing.B) {
	q := benchQueue(b)
	b.ReportAllocs()
	for b.Loop() {
		if recs, err := q.Receive(b.Context(), 10, 0); err != nil || len(recs) != 10 {
			b.Fatal(recs, err)
		}
	}
}

func BenchmarkDelete(b *testing.B) {
	q := benchQueue(b)
	recs := make([]esm.Record, 10)
	for i := range recs {
		recs[i] = esm.Record{Receipt: *standardMessage.ReceiptHandle}
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := q.Delete(b.Context(), recs); err != nil {
			b.Fatal(err)
		}
	}
}
