package kinesis

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
	sdk "github.com/aws/aws-sdk-go-v2/service/kinesis"
)

const (
	streamARN   = "arn:aws:kinesis:eu-west-1:111122223333:stream/orders"
	consumerARN = streamARN + "/consumer/orders-fn:1772600000"
	firstShard  = "shardId-000000000000"
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
	stream io.ReadCloser // instead of body, for SubscribeToShard
}

func ok(body any) *answer { return &answer{status: http.StatusOK, body: body} }

// refusal is an error of the JSON protocol.
func refusal(status int, code string) *answer {
	return &answer{status: status, body: map[string]any{"__type": code, "message": "no"}}
}

// service is a Kinesis as a test wants it, under the real SDK client: it answers by its functions. Calls made are kept.
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
	c := call{ctx: req.Context(), at: time.Now(), op: strings.TrimPrefix(req.Header.Get("X-Amz-Target"), "Kinesis_20131202.")}
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
	if a.stream != nil {
		header := http.Header{"Content-Type": {"application/vnd.amazon.eventstream"}}
		return &http.Response{StatusCode: a.status, Header: header, Request: req, Body: a.stream, ContentLength: -1}, nil
	}
	body, err := json.Marshal(a.body)
	if err != nil {
		return nil, err
	}
	header := http.Header{"Content-Type": {"application/x-amz-json-1.1"}}
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
func (s *service) client() *sdk.Client {
	return sdk.New(sdk.Options{
		Region:      "eu-west-1",
		Credentials: credentials.NewStaticCredentialsProvider("test", "test", ""),
		HTTPClient:  s,
		Retryer: retry.NewStandard(func(o *retry.StandardOptions) {
			o.Backoff = retry.BackoffDelayerFunc(func(int, error) (time.Duration, error) { return 0, nil })
		}),
	})
}

// of is a stream that s plays.
func (s *service) of(t testing.TB, arn string) *Stream {
	t.Helper()
	stream, err := New(Config{Client: s.client(), ARN: arn, Role: "arn:aws:iam::111122223333:role/orders-fn"})
	if err != nil {
		t.Fatal(err)
	}
	return stream
}
