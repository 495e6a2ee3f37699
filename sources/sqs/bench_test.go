package sqs

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"

	sdk "github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/esm-run/esm"
	"github.com/esm-run/esm/sources/internal/awstest"
)

// canned answers each operation with the same bytes.
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
	var deleted []string
	for i := range 10 {
		deleted = append(deleted, fmt.Sprintf(`{"Id":"%d"}`, i))
	}
	cfg := newService().Config("")
	cfg.HTTPClient = canned{
		"ReceiveMessage":     answerOf(slices.Repeat([]string{standardMessage}, 10)...),
		"DeleteMessageBatch": []byte(`{"Successful":[` + strings.Join(deleted, ",") + `],"Failed":[]}`),
		"GetQueueAttributes": []byte(`{"Attributes":{"VisibilityTimeout":"30"}}`),
	}
	q, err := New(Config{Client: sdk.NewFromConfig(cfg), ARN: awstest.ARN(standardARN)})
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
	q, recs := benchQueue(b), slices.Repeat([]esm.Record{{Receipt: "AQEBinventedStandardHandle0000=="}}, 10)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := q.Delete(b.Context(), recs); err != nil {
			b.Fatal(err)
		}
	}
}
