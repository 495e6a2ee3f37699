package sqs

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/credentials"
	sdk "github.com/aws/aws-sdk-go-v2/service/sqs"
)

const (
	standardARN = "arn:aws:sqs:eu-west-1:123456789012:orders"
	fifoARN     = "arn:aws:sqs:eu-west-1:123456789012:orders.fifo"
)

// call is one request as it went over the wire.
type call struct {
	ctx  context.Context // the request's
	op   string
	host string
	in   map[string]any
}

// answer is what a service says to a call; a nil answer is a connection that broke.
type answer struct {
	status int
	body   any
	query  string // x-amzn-query-error: the code of the older protocol
}

// service is an SQS of one queue, as a test wants it, under the real SDK client: it answers by its functions, and like a
// queue without messages where it has none. Calls made are kept.
type service struct {
	receive    func(c call) *answer
	delete     func(c call) *answer
	release    func(c call) *answer
	attributes func() *answer
	url        func() *answer

	mu    sync.Mutex
	calls []call
}

func ok(body any) *answer { return &answer{status: http.StatusOK, body: body} }

// refused is an error of the JSON protocol.
func refused(status int, code string) *answer {
	return &answer{status: status, body: map[string]any{"__type": "com.amazonaws.sqs#" + code, "message": "no"}}
}

// Do is [aws.HTTPClient].Do.
func (s *service) Do(req *http.Request) (*http.Response, error) {
	if err := req.Context().Err(); err != nil {
		return nil, err
	}
	body, err := io.ReadAll(req.Body)
	if err != nil {
		return nil, err
	}
	if int64(len(body)) != req.ContentLength {
		return nil, errors.New("Content-Length is not the body's length")
	}
	c := call{ctx: req.Context(), op: req.Header.Get("X-Amz-Target"), host: req.URL.Host}
	if err := json.Unmarshal(body, &c.in); err != nil {
		return nil, err
	}
	c.op = strings.TrimPrefix(c.op, "AmazonSQS.")
	s.mu.Lock()
	s.calls = append(s.calls, c)
	s.mu.Unlock()
	return s.answer(c).response(req)
}

func (s *service) answer(c call) *answer {
	switch {
	case c.op == "ReceiveMessage" && s.receive != nil:
		return s.receive(c)
	case c.op == "DeleteMessageBatch" && s.delete != nil:
		return s.delete(c)
	case c.op == "ChangeMessageVisibilityBatch" && s.release != nil:
		return s.release(c)
	case c.op == "GetQueueAttributes" && s.attributes != nil:
		return s.attributes()
	case c.op == "GetQueueAttributes":
		return ok(map[string]any{"Attributes": map[string]string{"VisibilityTimeout": "30"}})
	case c.op == "GetQueueUrl" && s.url != nil:
		return s.url()
	case c.op == "GetQueueUrl":
		return ok(map[string]any{"QueueUrl": "http://unreachable.example:4566/123456789012/" + c.in["QueueName"].(string)})
	}
	return ok(map[string]any{})
}

func (a *answer) response(req *http.Request) (*http.Response, error) {
	if a == nil {
		return nil, io.ErrUnexpectedEOF
	}
	body, err := json.Marshal(a.body)
	if err != nil {
		return nil, err
	}
	header := http.Header{"Content-Type": {"application/x-amz-json-1.0"}}
	if a.query != "" {
		header.Set("X-Amzn-Query-Error", a.query)
	}
	return &http.Response{
		StatusCode: a.status, Header: header, Request: req,
		Body: io.NopCloser(bytes.NewReader(body)), ContentLength: int64(len(body)),
	}, nil
}

// made returns the calls of one operation so far.
func (s *service) made(op string) []call {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []call
	for _, c := range s.calls {
		if c.op == op {
			out = append(out, c)
		}
	}
	return out
}

// client is a real SDK client whose requests s answers. The SDK's own retries wait no time.
func (s *service) client(endpoint string) *sdk.Client {
	o := sdk.Options{
		Region:      "eu-west-1",
		Credentials: credentials.NewStaticCredentialsProvider("test", "test", ""),
		HTTPClient:  s,
		Retryer: retry.NewStandard(func(o *retry.StandardOptions) {
			o.Backoff = retry.BackoffDelayerFunc(func(int, error) (time.Duration, error) { return 0, nil })
		}),
	}
	if endpoint != "" {
		o.BaseEndpoint = aws.String(endpoint)
	}
	return sdk.New(o)
}

// queue is a queue on AWS that s plays.
func (s *service) queue(t *testing.T, arn string) *Queue {
	t.Helper()
	q, err := New(Config{Client: s.client(""), ARN: arn})
	if err != nil {
		t.Fatal(err)
	}
	return q
}
