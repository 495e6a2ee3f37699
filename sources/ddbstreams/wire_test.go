package ddbstreams

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

	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/credentials"
	sdk "github.com/aws/aws-sdk-go-v2/service/dynamodbstreams"
)

const (
	streamARN  = "arn:aws:dynamodb:eu-west-1:111122223333:table/carts/stream/2026-03-01T09:10:11.345"
	firstShard = "shardId-000000000000"
)

// call is one request as it went over the wire.
type call struct {
	ctx context.Context // the request's
	at  time.Time
	op  string
	in  map[string]any
}

func (c call) text(member string) string {
	text, _ := c.in[member].(string)
	return text
}

// answer is what a service says to a call; a nil answer is a connection that broke.
type answer struct {
	status int
	body   any
}

func ok(body any) *answer { return &answer{status: http.StatusOK, body: body} }

// refusal is an error of the JSON protocol.
func refusal(status int, code string) *answer {
	return &answer{status: status, body: map[string]any{"__type": "com.amazonaws.dynamodb.v20120810#" + code, "message": "no"}}
}

// service is DynamoDB Streams as a test wants it, under the real SDK client: it answers by its functions. Calls made are
// kept.
type service struct {
	answers map[string]func(call) *answer // by operation

	mu    sync.Mutex
	calls []call
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
	target := req.Header.Get("X-Amz-Target")
	c := call{ctx: req.Context(), at: time.Now(), op: strings.TrimPrefix(target, "DynamoDBStreams_20120810.")}
	if err := json.Unmarshal(body, &c.in); err != nil {
		return nil, err
	}
	s.mu.Lock()
	s.calls = append(s.calls, c)
	s.mu.Unlock()
	if s.answers[c.op] == nil {
		return refusal(http.StatusBadRequest, "UnknownOperationException").response(req)
	}
	return s.answers[c.op](c).response(req)
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

// stream is a stream that s plays, under a real SDK client whose own retries wait no time.
func (s *service) stream(t testing.TB) *Stream {
	t.Helper()
	client := sdk.New(sdk.Options{
		Region:      "eu-west-1",
		Credentials: credentials.NewStaticCredentialsProvider("test", "test", ""),
		HTTPClient:  s,
		Retryer: retry.NewStandard(func(o *retry.StandardOptions) {
			o.Backoff = retry.BackoffDelayerFunc(func(int, error) (time.Duration, error) { return 0, nil })
		}),
	})
	stream, err := New(Config{Client: client, ARN: streamARN})
	if err != nil {
		t.Fatal(err)
	}
	return stream
}
