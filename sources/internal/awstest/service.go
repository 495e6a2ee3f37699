// Package awstest runs real SDK clients against AWS services that are played inside a test, and holds what the tests of
// several sources share.
package awstest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/credentials"
)

// Call is one request as it went over the wire.
type Call struct {
	Ctx  context.Context // the request's
	At   time.Time
	Op   string
	Host string
	In   map[string]any
}

// Text returns a string member, or "" if there is none.
func (c Call) Text(member string) string {
	text, _ := c.In[member].(string)
	return text
}

// Answer is a service's response. A nil Answer is a broken connection.
type Answer struct {
	Status int
	Body   any           // becomes JSON
	Query  string        // x-amzn-query-error: the error code of the older protocol
	Stream io.ReadCloser // an event stream in place of Body
}

// Handler answers the calls of one operation.
type Handler func(Call) *Answer

// OK is a successful answer.
func OK(body any) *Answer { return &Answer{Status: http.StatusOK, Body: body} }

// Refusal is an error of the JSON protocol.
func Refusal(status int, code string) *Answer {
	return &Answer{Status: status, Body: map[string]any{"__type": "com.amazonaws#" + code, "message": "no"}}
}

// Refuse answers every call with an error.
func Refuse(status int, code string) Handler {
	return func(Call) *Answer { return Refusal(status, code) }
}

// Break breaks the connection.
func Break(Call) *Answer { return nil }

// Ignore never answers.
func Ignore(c Call) *Answer {
	<-c.Ctx.Done()
	return nil
}

// Once answers the first call by first, and later calls by then.
func Once(first, then Handler) Handler {
	return func(c Call) *Answer {
		now := first
		first = then
		return now(c)
	}
}

// Service is an AWS service behind an SDK client. It keeps the calls made.
type Service struct {
	Answers map[string]Handler // by operation; others are refused

	mu    sync.Mutex
	calls []Call
}

var _ aws.HTTPClient = (*Service)(nil)

// Config returns what clients of the service are made from. The SDK's own retries wait no time. An empty endpoint is AWS.
func (s *Service) Config(endpoint string) aws.Config {
	cfg := aws.Config{
		Region:      "eu-west-1",
		Credentials: credentials.NewStaticCredentialsProvider("test", "test", ""),
		HTTPClient:  s,
		Retryer: func() aws.Retryer {
			return retry.NewStandard(func(o *retry.StandardOptions) {
				o.Backoff = retry.BackoffDelayerFunc(func(int, error) (time.Duration, error) { return 0, nil })
			})
		},
	}
	if endpoint != "" {
		cfg.BaseEndpoint = &endpoint
	}
	return cfg
}

// Do is [aws.HTTPClient].Do.
func (s *Service) Do(req *http.Request) (*http.Response, error) {
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
	_, op, _ := strings.Cut(req.Header.Get("X-Amz-Target"), ".")
	c := Call{Ctx: req.Context(), At: time.Now(), Op: op, Host: req.URL.Host}
	if err := json.Unmarshal(body, &c.In); err != nil {
		return nil, err
	}
	s.mu.Lock()
	s.calls = append(s.calls, c)
	s.mu.Unlock()
	answer := s.Answers[op]
	if answer == nil {
		answer = Refuse(http.StatusBadRequest, "UnknownOperationException")
	}
	return answer(c).response(req)
}

func (a *Answer) response(req *http.Request) (*http.Response, error) {
	if a == nil {
		if err := req.Context().Err(); err != nil {
			return nil, err
		}
		return nil, io.ErrUnexpectedEOF
	}
	resp := &http.Response{StatusCode: a.Status, Header: http.Header{}, Request: req, Body: a.Stream, ContentLength: -1}
	if a.Stream != nil {
		resp.Header.Set("Content-Type", "application/vnd.amazon.eventstream")
		return resp, nil
	}
	body, err := json.Marshal(a.Body)
	if err != nil {
		return nil, err
	}
	resp.Header.Set("Content-Type", "application/x-amz-json-1.0")
	if a.Query != "" {
		resp.Header.Set("X-Amzn-Query-Error", a.Query)
	}
	resp.Body, resp.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	return resp, nil
}

// First answers the first calls of an operation by first, where that is not nil, and all others as before.
func (s *Service) First(op string, first ...Handler) {
	usual := s.Answers[op]
	s.Answers[op] = func(c Call) *Answer {
		if n := len(s.Calls(op)); n <= len(first) && first[n-1] != nil {
			return first[n-1](c)
		}
		return usual(c)
	}
}

// Calls returns the calls of an operation so far.
func (s *Service) Calls(op string) (calls []Call) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range s.calls {
		if c.Op == op {
			calls = append(calls, c)
		}
	}
	return calls
}

// Gaps returns the times between the calls of an operation.
func (s *Service) Gaps(op string) (gaps []time.Duration) {
	calls := s.Calls(op)
	for i := range calls[1:] {
		gaps = append(gaps, calls[i+1].At.Sub(calls[i].At))
	}
	return gaps
}
