package runtimeapi_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/esm-run/esm/config"
	"github.com/esm-run/esm/invoker/runtimeapi"
)

const (
	host  = "rt-0123456789abcdef.lambda.internal:9001"
	next  = "/2018-06-01/runtime/invocation/next"
	idA   = "8476a536-e9f4-11e8-9739-2dfe598c3fcd"
	idB   = "9476a536-e9f4-11e8-9739-2dfe598c3fcd"
	okay  = `{"status":"OK"}` + "\n"
	initE = "/2018-06-01/runtime/init/error"
)

func response(id string) string { return "/2018-06-01/runtime/invocation/" + id + "/response" }
func failure(id string) string  { return "/2018-06-01/runtime/invocation/" + id + "/error" }

// rig is a session with a runtime's side to it, all in one bubble.
type rig struct {
	*testing.T
	session *runtimeapi.Session
	server  *runtimeapi.Server
	host    *runtimeapi.Host
	pipes   *pipes
	client  *http.Client
}

// bubble runs test with a session whose runtime has just started, beside external extensions.
func bubble(t *testing.T, test func(*rig), external ...string) {
	t.Helper()
	served(t, func(r *rig) http.Handler {
		r.session = runtimeapi.New(function, external...)
		return r.session
	}, test)
}

var function = config.Function{Name: "f", Handler: "app.handler", FunctionArn: "arn:aws:lambda:us-east-1:123456789012:function:f"}

// served runs test in a bubble in which a host serves the session that start returns.
func served(t *testing.T, start func(*rig) http.Handler, test func(*rig)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		r := &rig{T: t, server: runtimeapi.NewServer(nil)}
		r.host = r.server.Host(host, netip.Addr{})
		r.host.Serve(start(r))
		r.pipes = &pipes{conns: make(chan net.Conn), closed: make(chan struct{})}
		r.client = &http.Client{Transport: &http.Transport{DialContext: r.pipes.dial}}
		var work sync.WaitGroup
		work.Go(func() {
			if err := r.server.Serve(r.pipes); err != nil {
				t.Error(err)
			}
		})
		test(r)
		r.server.Close()
		r.client.CloseIdleConnections()
		work.Wait()
	})
}

// pipes is a listener without a network.
type pipes struct {
	conns  chan net.Conn
	closed chan struct{}
	once   sync.Once
}

func (p *pipes) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	ours, theirs := net.Pipe()
	select {
	case p.conns <- theirs:
		return ours, nil
	case <-p.closed:
		return nil, net.ErrClosed
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error   { p.once.Do(func() { close(p.closed) }); return nil }
func (p *pipes) Addr() net.Addr { return &net.IPAddr{} }

// reply is what the runtime got.
type reply struct {
	status  int
	body    string
	header  http.Header
	trouble error
}

type edit func(*http.Request)

func header(name, value string) edit { return func(r *http.Request) { r.Header.Set(name, value) } }

func (r *rig) do(method, path string, body io.Reader, edits ...edit) reply {
	return r.with(r.Context(), method, path, body, edits...)
}

func (r *rig) with(ctx context.Context, method, path string, body io.Reader, edits ...edit) reply {
	r.Helper()
	req, err := http.NewRequestWithContext(ctx, method, "http://"+host+path, body)
	if err != nil {
		r.Fatal(err)
	}
	for _, e := range edits {
		e(req)
	}
	resp, err := r.client.Do(req)
	if err != nil {
		return reply{trouble: err}
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	return reply{resp.StatusCode, string(text), resp.Header, err}
}

func (r *rig) get(path string) reply { r.Helper(); return r.do(http.MethodGet, path, nil) }
func (r *rig) post(path, body string, edits ...edit) reply {
	r.Helper()
	return r.do(http.MethodPost, path, strings.NewReader(body), edits...)
}

// park asks for an event in the background.
func (r *rig) park(ctx context.Context) <-chan reply {
	c := make(chan reply, 1)
	go func() { c <- r.with(ctx, http.MethodGet, next, nil) }() // the bubble waits for it
	synctest.Wait()
	return c
}

// idle takes the session's word that the runtime is free.
func (r *rig) idle() {
	r.Helper()
	synctest.Wait()
	select {
	case <-r.session.Idle():
	default:
		r.Fatal("the runtime is not idle")
	}
}

// give dispatches an event to the idle runtime and fetches it.
func (r *rig) give(id string) reply {
	r.Helper()
	c := r.park(r.Context())
	r.idle()
	r.dispatch(id)
	return <-c
}

func (r *rig) dispatch(id string) {
	r.Helper()
	if err := r.session.Dispatch(event(id)); err != nil {
		r.Fatal(err)
	}
}

func (r *rig) wantNotReady() {
	r.Helper()
	if err := r.session.Dispatch(event(idB)); !errors.Is(err, runtimeapi.ErrNotReady) {
		r.Errorf("got %v, want ErrNotReady", err)
	}
}

func event(id string) runtimeapi.Event {
	return runtimeapi.Event{ID: id, Deadline: time.UnixMilli(1542409706888), FunctionArn: "arn:aws:lambda:us-east-1:0:function:f:live",
		TraceID: "Root=1-5bef4de7-ad49b0e87f6ef6c87fc2e700;Parent=9a9197af755a6419;Sampled=1", Payload: []byte("{\"a\": 1}\n ")}
}

// answer is what the session's owner got.
func (r *rig) answer() runtimeapi.Answer {
	r.Helper()
	synctest.Wait()
	select {
	case a := <-r.session.Answers():
		return a
	default:
		r.Fatal("there is no answer")
		return runtimeapi.Answer{}
	}
}

func (r *rig) noAnswer() {
	r.Helper()
	synctest.Wait()
	select {
	case a := <-r.session.Answers():
		r.Errorf("got an answer: %+v", a)
	default:
	}
}

func (r *rig) want(got reply, status int, body string) {
	r.Helper()
	if got.trouble != nil || got.status != status || got.body != body {
		r.Errorf("got %d %q (%v), want %d %q", got.status, got.body, got.trouble, status, body)
	}
	if status != http.StatusOK && got.header.Get("Content-Type") != "application/json" {
		r.Errorf("got content type %q", got.header.Get("Content-Type"))
	}
}

func forbidden(from, to string) string {
	return `{"errorMessage":"State transition from ` + from + ` to ` + to +
		` failed for runtime. Error: State transition is not allowed","errorType":"InvalidStateTransition"}` + "\n"
}

const invalidID = `{"errorMessage":"Invalid request ID","errorType":"InvalidRequestID"}` + "\n"
