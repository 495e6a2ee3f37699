package localstack_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
)

// A proxy stands between the engine and a service, and tampers with what passes.
type proxy struct {
	url, target string

	mu   sync.Mutex
	rule func(operation string) tampering
}

// tampering is what becomes of a request. The zero one passes it on.
type tampering struct {
	before chan<- string // is told the operation; then the request goes no further until its sender is gone
	after  chan<- string // likewise, but the service has carried the request out
	fault  fault         // is the answer instead
	done   bool          // the fault comes after the service has carried the request out
}

// A fault is an error of a service. The zero one is none.
type fault struct {
	status int // 0 breaks the connection
	code   string
}

func (f fault) String() string { return fmt.Sprint(f.status, " ", f.code) }

// broken is a connection that breaks.
var broken = fault{code: "a broken connection"}

// proxy makes a proxy of a service.
func newProxy(t *testing.T, target string, rule func(operation string) tampering) *proxy {
	p := &proxy{target: target, rule: rule}
	server := httptest.NewServer(p)
	t.Cleanup(server.Close)
	p.url = server.URL
	return p
}

// follow sets another rule.
func (p *proxy) follow(rule func(operation string) tampering) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.rule = rule
}

func (p *proxy) tamper(operation string) tampering {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.rule(operation)
}

func (p *proxy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return // its sender is gone
	}
	_, operation, _ := strings.Cut(r.Header.Get("X-Amz-Target"), ".")
	t := p.tamper(operation)
	if t.before != nil {
		hold(r, operation, t.before)
		return
	}
	if t.fault != (fault{}) && !t.done {
		t.fault.answer(w)
		return
	}
	status, header, answer, err := p.pass(r, body)
	switch {
	case t.after != nil:
		hold(r, operation, t.after)
	case err != nil:
		broken.answer(w)
	case t.fault != (fault{}):
		t.fault.answer(w)
	default:
		for _, key := range []string{"Content-Type", "X-Amzn-Requestid", "X-Amzn-Errortype", "X-Amz-Crc32"} {
			if value := header.Get(key); value != "" {
				w.Header().Set(key, value)
			}
		}
		w.WriteHeader(status)
		_, _ = w.Write(answer) // its sender may be gone
	}
}

// hold keeps a request until its sender is gone.
func hold(r *http.Request, operation string, told chan<- string) {
	select {
	case told <- operation:
	default: // one is enough
	}
	<-r.Context().Done()
}

// pass has the service carry out a request, also when its sender is gone meanwhile.
func (p *proxy) pass(r *http.Request, body []byte) (status int, header http.Header, answer []byte, err error) {
	ctx := context.WithoutCancel(r.Context())
	on, err := http.NewRequestWithContext(ctx, r.Method, p.target+r.URL.RequestURI(), bytes.NewReader(body))
	if err != nil {
		return 0, nil, nil, err
	}
	on.Header = r.Header.Clone()
	on.Header.Del("Accept-Encoding")
	resp, err := http.DefaultClient.Do(on)
	if err != nil {
		return 0, nil, nil, err
	}
	defer resp.Body.Close()
	answer, err = io.ReadAll(resp.Body)
	return resp.StatusCode, resp.Header, answer, err
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

// through has the engine reach streams through a proxy, and the rest as ever.
func (c *corner) through(p *proxy) {
	c.elsewhere = fmt.Sprintf(", Endpoints: {kinesis: %q, dynamodb: %[1]q}", p.url)
}
