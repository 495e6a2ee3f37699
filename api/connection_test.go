package api

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/esm-run/esm"
)

// pipeListener is a listener whose connections are pipes in memory, so that deadlines follow virtual time.
type pipeListener struct {
	conns chan net.Conn
	over  chan struct{}
	once  sync.Once
}

func (l *pipeListener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.over:
		return nil, net.ErrClosed
	}
}

func (l *pipeListener) Close() error   { l.once.Do(func() { close(l.over) }); return nil }
func (l *pipeListener) Addr() net.Addr { return &net.UnixAddr{Name: "pipe"} }

// serve serves r with the timeouts of the command until the test is over, and returns a function that connects to it.
func (r *rig) serve(t *testing.T) (dial func() net.Conn) { return serve(t, r) }

func serve(t *testing.T, h http.Handler) (dial func() net.Conn) {
	l := &pipeListener{conns: make(chan net.Conn), over: make(chan struct{})}
	server := &http.Server{Handler: h, ReadTimeout: 10 * time.Second, WriteTimeout: time.Minute}
	var wg sync.WaitGroup
	wg.Go(func() { server.Serve(l) })
	t.Cleanup(func() { server.Close(); wg.Wait() })
	return func() net.Conn {
		here, there := net.Pipe()
		t.Cleanup(func() { here.Close() })
		l.conns <- there
		return here
	}
}

// post writes the head of a request and the beginning of its body.
func post(conn net.Conn, path string, length int, body string) {
	fmt.Fprintf(conn, "POST %s HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%s", path, length, body)
}

// TestSlowBodies tests that a body that does not arrive ends with its connection, even while as many as possible are read.
func TestSlowBodies(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		dial := r.serve(t)
		began := time.Now()
		var wg sync.WaitGroup
		for range maxReading {
			wg.Go(func() {
				conn := dial()
				post(conn, mappingsPath, 10, "{")
				answer, err := io.ReadAll(conn) // to the end of the connection
				if err != nil || !strings.HasPrefix(string(answer), "HTTP/1.1 408 ") || !strings.Contains(string(answer), "X-Amzn-Errortype: RequestTimeoutException") {
					t.Errorf("%v: %s", err, answer)
				}
			})
		}
		wg.Wait()
		if got := time.Since(began); got != readWithin {
			t.Errorf("given up after %v, want %v", got, readWithin)
		}
		if w := r.ask("POST", mappingsPath, "{}"); w.Code != http.StatusBadRequest || len(r.reading) != 0 {
			t.Errorf("afterwards %s, and %d are still being read", errorOf(w), len(r.reading))
		}
	})
}

// TestBodyBehindSlowBodies tests that the time for a body begins when it may be read.
func TestBodyBehindSlowBodies(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dial := newRig(t).serve(t)
		for range maxReading {
			post(dial(), mappingsPath, 10, "{")
		}
		synctest.Wait()
		conn := dial()
		began := time.Now()
		var wg sync.WaitGroup
		wg.Go(func() {
			post(conn, mappingsPath, 2, "")
			time.Sleep(readWithin + readWithin/2)
			fmt.Fprint(conn, "{}")
		})
		defer wg.Wait()
		resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil {
			t.Fatal(err)
		}
		if got, want := resp.Header.Get("X-Amzn-ErrorType"), "ValidationException"; got != want || time.Since(began) != readWithin+readWithin/2 {
			t.Errorf("got %s after %v, want %s", got, time.Since(began), want)
		}
	})
}

// TestLongInvocation tests that a function may run longer than the HTTP server waits for requests and answers, also on a
// connection that is used again.
func TestLongInvocation(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.slow(15 * time.Minute)
		conn := r.serve(t)()
		for range 2 {
			began := time.Now()
			post(conn, invokePath, 2, "{}")
			resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
			if err != nil || resp.StatusCode != http.StatusOK || time.Since(began) != 15*time.Minute {
				t.Fatalf("after %v: %v %v", time.Since(began), resp, err)
			}
			io.Copy(io.Discard, resp.Body)
		}
	})
}

// TestClientHangsUp tests that a change ends with its client, and an invocation does not.
func TestClientHangsUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.check = func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }
		r.slow(time.Hour)
		dial := r.serve(t)
		began := time.Now()
		create, invoke := dial(), dial()
		body := `{"FunctionName":"f","EventSourceArn":"` + queue + `"}`
		post(create, mappingsPath, len(body), body)
		post(invoke, invokePath, 2, "{}")
		synctest.Wait()
		create.Close()
		invoke.Close()
		synctest.Wait()
		if n := len(r.Mappings.List()); n != 0 || r.warnings() != "" {
			t.Errorf("%d mappings, warned %q", n, r.warnings())
		}
		r.Close(t.Context())
		if took := time.Since(began); took != time.Hour || r.Server.calls.held != 0 {
			t.Errorf("the invocation took %v, and %d bytes are held", took, r.Server.calls.held)
		}
	})
}

// TestTooLargeEvent tests that a client that reads the answer only when it has sent everything finds the exception.
func TestTooLargeEvent(t *testing.T) {
	server := httptest.NewServer(newRig(t))
	defer server.Close()
	for _, more := range []int{1, 8 << 20} {
		conn, err := net.Dial("tcp", server.Listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		size := esm.MaxPayload + more
		post(conn, invokePath, size, "")
		if _, err := conn.Write(make([]byte, size)); err != nil {
			t.Errorf("%d more: %v", more, err)
			continue
		}
		resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil {
			t.Fatal(err)
		}
		if resp.StatusCode != http.StatusRequestEntityTooLarge {
			t.Errorf("%d more: got %d", more, resp.StatusCode)
		}
	}
}
