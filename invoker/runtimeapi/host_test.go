package runtimeapi_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/esm-run/esm/invoker/runtimeapi"
)

var (
	peerA = netip.MustParseAddr("10.213.0.2")
	peerB = netip.MustParseAddr("10.213.0.3")
)

// hostRig is a Server with connections from addresses of the test's choice.
type hostRig struct {
	*testing.T
	*runtimeapi.Server
	pipes   *pipes
	refused []string
}

func hostBubble(t *testing.T, test func(*hostRig)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		r := &hostRig{T: t, pipes: &pipes{conns: make(chan net.Conn), closed: make(chan struct{})}}
		r.Server = runtimeapi.NewServer(func(q *http.Request) { r.refused = append(r.refused, q.RemoteAddr+" "+q.Host) })
		var work sync.WaitGroup
		work.Go(func() {
			if err := r.Serve(r.pipes); err != nil {
				t.Error(err)
			}
		})
		test(r)
		r.Close()
		work.Wait()
	})
}

// from is a connection's other end.
type from struct {
	net.Conn
	peer netip.Addr
}

func (f from) RemoteAddr() net.Addr {
	return net.TCPAddrFromAddrPort(netip.AddrPortFrom(netip.AddrFrom16(f.peer.As16()), 40000)) // as a dual-stack listener reports it
}

func (r *hostRig) connect(peer netip.Addr) net.Conn {
	ours, theirs := net.Pipe()
	r.pipes.conns <- from{theirs, peer}
	return ours
}

// ask sends a request for a host and returns the status of the answer, or 0 if the connection ends.
func ask(c net.Conn, host string) int {
	if _, err := fmt.Fprintf(c, "GET / HTTP/1.1\r\nHost: %s\r\n\r\n", host); err != nil {
		return 0
	}
	resp, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		return 0
	}
	_, _ = io.Copy(io.Discard, resp.Body)
	return resp.StatusCode
}

func status(code int) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(code) })
}

func isClosed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

func TestHostsOfPeers(t *testing.T) {
	hostBubble(t, func(r *hostRig) {
		a, b := r.Host("a:9001", peerA), r.Host("b:9001", peerB)
		c := r.connect(peerA)
		defer c.Close()
		for i, want := range []int{404, 201, 404, 404, 404} {
			if i == 1 {
				a.Serve(status(201))
				b.Serve(status(202))
			}
			if got := ask(c, []string{"a:9001", "a:9001", "b:9001", "a", "A:9001"}[i]); got != want {
				r.Errorf("request %d: got %d, want %d", i, got, want)
			}
		}
		if want := 4; len(r.refused) != want {
			r.Errorf("refused %q, want %d requests", r.refused, want)
		}
		a.Remove()
		if got := ask(c, "a:9001"); got != 0 {
			r.Errorf("got %d on a connection of a removed host", got)
		}
		again := r.connect(peerA)
		defer again.Close()
		if got := ask(again, "a:9001"); got != 404 {
			r.Errorf("got %d for a removed host", got)
		}
	})
}

func TestHeard(t *testing.T) {
	hostBubble(t, func(r *hostRig) {
		known, hidden := r.Host("a:9001", peerA), r.Host("b:9001", netip.Addr{})
		for _, h := range []*runtimeapi.Host{known, hidden} {
			h.Serve(status(200))
		}
		a, b := r.connect(peerA), r.connect(peerB)
		defer a.Close()
		defer b.Close()
		synctest.Wait()
		if !isClosed(known.Heard()) {
			r.Error("a connection of the peer was not heard")
		}
		if isClosed(hidden.Heard()) {
			r.Error("a host without a peer was heard before a request")
		}
		if got := ask(b, "b:9001"); got != 200 || !isClosed(hidden.Heard()) {
			r.Errorf("got %d, heard %v for a host without a peer", got, isClosed(hidden.Heard()))
		}
		known.Serve(status(200))
		if isClosed(known.Heard()) {
			r.Error("a new session was heard before a connection")
		}
	})
}

func TestQuietOfOneHost(t *testing.T) {
	hostBubble(t, func(r *hostRig) {
		a, b := r.Host("a:9001", peerA), r.Host("b:9001", peerB)
		c := r.connect(peerA)
		synctest.Wait()
		b.Quiet(r.Context()) // a's connection does not matter
		ctx, cancel := context.WithTimeout(r.Context(), time.Second)
		defer cancel()
		if a.Quiet(ctx); ctx.Err() == nil {
			r.Error("quiet with a connection open")
		}
		go func() {
			time.Sleep(time.Second)
			c.Close()
		}()
		began := time.Now()
		if a.Quiet(r.Context()); time.Since(began) != time.Second {
			r.Errorf("quiet after %v, want 1 s", time.Since(began))
		}
	})
}

func TestServeNilHangsUp(t *testing.T) {
	hostBubble(t, func(r *hostRig) {
		a, b := r.Host("a:9001", peerA), r.Host("b:9001", peerB)
		a.Serve(status(200))
		b.Serve(status(200))
		ca, cb := r.connect(peerA), r.connect(peerB)
		defer ca.Close()
		defer cb.Close()
		synctest.Wait()
		a.Serve(nil)
		if got := ask(ca, "a:9001"); got != 0 {
			r.Errorf("got %d on a's connection", got)
		}
		if got := ask(cb, "b:9001"); got != 200 {
			r.Errorf("got %d on b's connection", got)
		}
	})
}

func TestConnectionsAreBounded(t *testing.T) {
	hostBubble(t, func(r *hostRig) {
		a := r.Host("a:9001", peerA)
		a.Serve(status(200))
		a.Allow(10)
		r.Host("b:9001", peerB).Serve(status(200))
		for i := range 256 + 10 {
			c := r.connect(peerA)
			defer c.Close()
			if got := ask(c, "a:9001"); got != 200 {
				r.Fatalf("connection %d: got %d", i, got)
			}
		}
		for peer, want := range map[netip.Addr]int{peerA: 0, peerB: 200} {
			c := r.connect(peer)
			defer c.Close()
			if got := ask(c, map[netip.Addr]string{peerA: "a:9001", peerB: "b:9001"}[peer]); got != want {
				r.Errorf("%s: got %d, want %d", peer, got, want)
			}
		}
	})
}

// TestKnock makes Quiet wait for a connection that the Server has not accepted yet.
func TestKnock(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	refused := make(chan string, 1)
	s := runtimeapi.NewServer(func(q *http.Request) { refused <- q.Host })
	h := s.Host("a:9001", netip.Addr{})
	got := make(chan struct{})
	h.Serve(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { close(got) }))
	c, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(c, "GET / HTTP/1.1\r\nHost: a:9001\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	var work sync.WaitGroup
	work.Go(func() { _ = s.Serve(l) })
	defer work.Wait()
	defer s.Close()
	for ready := false; !ready; { // Serve knows its listener
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		h.Quiet(ctx)
		cancel()
		ready = isClosed(got)
	}
	select {
	case host := <-refused:
		t.Errorf("a request for %s was reported, the Server's own", host)
	default:
	}
}

func FuzzHost(f *testing.F) {
	for _, host := range []string{"a:9001", "b:9001", "a", "A:9001", "a:9001.", "a:9001:9001", "[::1]:9001", "", "é:1", "a:9001\x00", "a%3A9001"} {
		f.Add(host)
	}
	f.Fuzz(func(t *testing.T, host string) {
		s := runtimeapi.NewServer(nil)
		s.Host("a:9001", peerA).Serve(status(200))
		s.Host("b:9001", peerB).Serve(status(202))
		ours, theirs := net.Pipe()
		l := &pipes{conns: make(chan net.Conn, 1), closed: make(chan struct{})}
		l.conns <- from{theirs, peerA}
		var work sync.WaitGroup
		work.Go(func() { _ = s.Serve(l) })
		defer work.Wait()
		defer s.Close()
		defer ours.Close()
		if err := ours.SetDeadline(time.Now().Add(5 * time.Second)); err != nil {
			t.Fatal(err)
		}
		got := ask(ours, host)
		line, _, _ := strings.Cut(host, "\n")
		if got == 202 || got == 200 && strings.Trim(line, " \t\r") != "a:9001" || got != 200 && host == "a:9001" {
			t.Errorf("host %q: got %d", host, got)
		}
	})
}
