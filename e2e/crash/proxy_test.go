// Package crash_test shows what esm makes of trouble: it is killed, its disk is full or damaged, and services fail.
package crash_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
)

// A proxy stands between esm and a service, and tampers with requests.
type proxy struct {
	url, target string

	mu   sync.Mutex
	rule func(operation string) action
}

// An action is how the proxy treats a request. The zero one passes it on.
type action struct {
	before chan<- string // gets the operation; then the request is held until its sender is gone
	after  chan<- string // the same, but the service has carried the request out
	seen   chan<- string // gets the operation, and the request is passed on
	fault  fault         // the answer instead
	done   bool          // the fault comes after the service has carried the request out
}

// A fault is an error of a service. The zero one is none.
type fault struct {
	status int // 0 breaks the connection
	code   string
}

var brokenConnection = fault{code: "broken connection"}

func newProxy(t *testing.T, target string) *proxy {
	p := &proxy{target: target, rule: passAll}
	server := httptest.NewServer(p)
	t.Cleanup(server.Close)
	p.url = server.URL
	return p
}

func passAll(string) action { return action{} }

// only returns a rule for the requests of one operation. Others are passed on.
func only(operation string, a action) func(string) action {
	return func(got string) action {
		if got == operation {
			return a
		}
		return action{}
	}
}

// follow sets another rule.
func (p *proxy) follow(rule func(operation string) action) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.rule = rule
}

func (p *proxy) decide(operation string) action {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.rule(operation)
}

func (p *proxy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return // its sender is gone
	}
	operation := operationOf(r, body)
	t := p.decide(operation)
	if t.seen != nil {
		t.seen <- operation
	}
	if t.before != nil {
		hold(r, operation, t.before)
		return
	}
	if t.fault != (fault{}) && !t.done {
		t.fault.answer(w)
		return
	}
	resp, answer, err := p.pass(r, body)
	switch {
	case t.after != nil:
		hold(r, operation, t.after)
	case err != nil:
		brokenConnection.answer(w)
	case t.fault != (fault{}):
		t.fault.answer(w)
	default:
		for _, key := range []string{"Content-Type", "X-Amzn-Requestid", "X-Amzn-Errortype", "X-Amz-Crc32"} {
			if value := resp.Header.Get(key); value != "" {
				w.Header().Set(key, value)
			}
		}
		w.WriteHeader(resp.StatusCode)
		_, _ = w.Write(answer) // its sender may be gone
	}
}

// operationOf returns the name of a request's operation, such as GetRecords or Publish, or the method where there is none,
// as with S3.
func operationOf(r *http.Request, body []byte) string {
	if _, operation, found := strings.Cut(r.Header.Get("X-Amz-Target"), "."); found {
		return operation
	}
	if form, err := url.ParseQuery(string(body)); err == nil && form.Has("Action") {
		return form.Get("Action")
	}
	return r.Method
}

// hold keeps a request until its sender is gone.
func hold(r *http.Request, operation string, reached chan<- string) {
	select {
	case reached <- operation:
	default: // one is enough
	}
	<-r.Context().Done()
}

// pass has the service carry out a request, also when its sender is gone meanwhile.
func (p *proxy) pass(r *http.Request, body []byte) (*http.Response, []byte, error) {
	ctx := context.WithoutCancel(r.Context())
	on, err := http.NewRequestWithContext(ctx, r.Method, p.target+r.URL.RequestURI(), bytes.NewReader(body))
	if err != nil {
		return nil, nil, err
	}
	on.Header = r.Header.Clone()
	on.Header.Del("Accept-Encoding")
	resp, err := http.DefaultClient.Do(on)
	if err != nil {
		return nil, nil, err
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	return resp, answer, err
}

// answer answers as services do that speak JSON.
func (f fault) answer(w http.ResponseWriter) {
	if f.status == 0 {
		panic(http.ErrAbortHandler)
	}
	w.Header().Set("Content-Type", "application/x-amz-json-1.1")
	w.Header().Set("X-Amzn-Errortype", f.code)
	w.WriteHeader(f.status)
	fmt.Fprintf(w, `{"__type":%q,"message":"as it happens"}`, f.code)
}
