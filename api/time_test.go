package api

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/esm-run/esm/config"
	"github.com/esm-run/esm/mappings"
)

// wires is a listener whose connections are pipes in memory, so that deadlines follow virtual time.
type wires struct {
	conns chan net.Conn
	over  chan struct{}
	once  sync.Once
}

func (l *wires) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.over:
		return nil, net.ErrClosed
	}
}

func (l *wires) Close() error   { l.once.Do(func() { close(l.over) }); return nil }
func (l *wires) Addr() net.Addr { return &net.UnixAddr{Name: "wires"} }

// wired serves h as the engine does, until the test is over, and dials it.
func wired(t *testing.T, h http.Handler) (dial func() net.Conn) {
	l := &wires{conns: make(chan net.Conn), over: make(chan struct{})}
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

// slow is mappings that take their time to be listed, unless the caller leaves.
type slow struct{ Mappings }

func (slow) Create(ctx context.Context, _ config.Mapping) (mappings.Registered, error) {
	select {
	case <-time.After(15 * time.Minute):
		return mappings.Registered{}, mappings.ErrNotFound
	case <-ctx.Done():
		return mappings.Registered{}, ctx.Err()
	}
}

// A body that does not arrive is given up, even while as many as may be read are waited for, and so is its connection.
func TestSlowBodies(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &face{register: &register{}}
		f.Server = &Server{Mappings: f.register, Warn: f.warn}
		dial := wired(t, f.Server)
		began := time.Now()
		var wg sync.WaitGroup
		for range maxReading {
			wg.Go(func() {
				conn := dial()
				fmt.Fprintf(conn, "POST %s HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n{", mappingsPath)
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
		if w := f.ask("POST", mappingsPath, "{}"); w.Code != http.StatusBadRequest || len(f.reading) != 0 {
			t.Errorf("afterwards %s, and %d are still being read", errorOf(w), len(f.reading))
		}
	})
}

// The time that a body has to arrive begins when it may be read: who waits behind others that are slow is not refused.
func TestABodyBehindSlowOnes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dial := wired(t, &Server{Mappings: &register{}})
		for range maxReading {
			fmt.Fprintf(dial(), "POST %s HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n{", mappingsPath)
		}
		synctest.Wait()
		conn := dial()
		began := time.Now()
		var wg sync.WaitGroup
		wg.Go(func() { // it waits for the last of its bytes to be read
			fmt.Fprintf(conn, "POST %s HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n", mappingsPath)
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

// The bounds are those of a request's arrival and of its answer: what is between may take as long as a function runs.
func TestLongCalls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		conn := wired(t, &Server{Mappings: slow{}})()
		began := time.Now()
		fmt.Fprintf(conn, "POST %s HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}", mappingsPath)
		resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil || resp.StatusCode != http.StatusNotFound || time.Since(began) != 15*time.Minute {
			t.Errorf("after %v: %v %v", time.Since(began), resp, err)
		}
	})
}

// A caller that leaves ends its call.
func TestCallersThatHangUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		conn := wired(t, &Server{Mappings: slow{}})()
		began := time.Now()
		fmt.Fprintf(conn, "POST %s HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}", mappingsPath)
		synctest.Wait()
		conn.Close()
		synctest.Wait() // the bubble ends with nobody waiting
		if time.Since(began) != 0 {
			t.Errorf("it took %v", time.Since(began))
		}
	})
}
