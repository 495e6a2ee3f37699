package awshttp

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	sdkhttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
)

// sdkBody is a request body that behaves like the SDK's: closed early, its WriteTo answers io.EOF. It is slow to look
// for surplus bytes, so that it is always closed by then.
type sdkBody struct {
	io.Reader
	closed chan struct{}
	once   sync.Once
}

func newSDKBody(text string) *sdkBody {
	return &sdkBody{Reader: strings.NewReader(text), closed: make(chan struct{})}
}

func (b *sdkBody) WriteTo(io.Writer) (int64, error) {
	<-b.closed
	return 0, io.EOF
}

func (b *sdkBody) Close() error {
	b.once.Do(func() { close(b.closed) })
	return nil
}

// halfAnswers serves one connection at a time: it answers a request with the head and half of the body, and sends the
// other half when it is told to. It reports when a client closes the connection before that.
func halfAnswers(t *testing.T) (url string, rest chan<- struct{}, dropped <-chan struct{}) {
	t.Helper()
	more, gone := make(chan struct{}), make(chan struct{}, 1)
	l := listen(t, func(conn net.Conn) {
		req, err := http.ReadRequest(bufio.NewReader(conn))
		if err != nil {
			return
		}
		_, _ = io.Copy(io.Discard, req.Body)
		fmt.Fprint(conn, "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nfirst")
		closed := make(chan struct{})
		var reader sync.WaitGroup
		reader.Go(func() {
			_, _ = conn.Read(make([]byte, 1)) // the client sends no more: this ends when the connection does
			close(closed)
		})
		select {
		case <-more:
			fmt.Fprint(conn, "-half")
		case <-closed:
			gone <- struct{}{}
		}
		_ = conn.Close()
		reader.Wait()
	})
	return "http://" + l.Addr().String(), more, gone
}

func listen(t *testing.T, serve func(net.Conn)) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var conns sync.WaitGroup
	var open []net.Conn // owned by the accepting goroutine until it has ended
	var accepting sync.WaitGroup
	accepting.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			open = append(open, conn)
			conns.Go(func() {
				defer func() { _ = conn.Close() }()
				serve(conn)
			})
		}
	})
	t.Cleanup(func() {
		_ = l.Close()
		accepting.Wait()
		for _, conn := range open {
			_ = conn.Close()
		}
		conns.Wait()
	})
	return l
}

func post(t *testing.T, url string, body io.Reader, length int) *http.Request {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, body)
	if err != nil {
		t.Fatal(err)
	}
	req.ContentLength = int64(length)
	return req
}

func TestEarlyCloseOfRequestBody(t *testing.T) {
	url, rest, _ := halfAnswers(t)
	client := New(1)
	body := newSDKBody("{}")
	resp, err := client.Do(post(t, url, body, 2))
	if err != nil {
		t.Fatal(err)
	}
	_ = body.Close() // as the SDK does once it has the response's head
	rest <- struct{}{}
	defer func() { _ = resp.Body.Close() }()
	if got, err := io.ReadAll(resp.Body); err != nil || string(got) != "first-half" {
		t.Errorf("got %q, %v, want the whole response", got, err)
	}
}

// The precaution can go when this test fails.
func TestSDKClientCutsResponse(t *testing.T) {
	url, rest, dropped := halfAnswers(t)
	body := newSDKBody("{}")
	resp, err := sdkhttp.NewBuildableClient().Do(post(t, url, body, 2))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	_ = body.Close()
	select {
	case <-dropped:
	case <-time.After(10 * time.Second):
		rest <- struct{}{}
		t.Error("the connection survived: the precaution is no longer needed")
	}
}

func TestRequestsWithoutBody(t *testing.T) {
	var got []string
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		got = append(got, fmt.Sprint(r.ContentLength, r.TransferEncoding))
	}))
	defer server.Close()
	client := New(1)
	for _, body := range []io.ReadCloser{nil, http.NoBody} {
		req := post(t, server.URL, nil, 0)
		req.Body = body
		resp, err := client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
	}
	if want := "[0 [] 0 []]"; fmt.Sprint(got) != want {
		t.Errorf("the server saw lengths %v, want %s", got, want)
	}
}

func TestConnectionsAreReused(t *testing.T) {
	const callers, rounds = 100, 5
	var opened atomic.Int64
	barrier := make(chan struct{}) // holds each request until all of its round have arrived
	arrived := make(chan struct{}, callers)
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		arrived <- struct{}{}
		<-barrier
	}))
	server.Config.ConnState = func(_ net.Conn, s http.ConnState) {
		if s == http.StateNew {
			opened.Add(1)
		}
	}
	server.Start()
	defer server.Close()
	client := New(callers)
	for range rounds {
		var round sync.WaitGroup
		for range callers {
			round.Go(func() {
				if err := get(client, post(t, server.URL, nil, 0)); err != nil {
					t.Error(err)
				}
			})
		}
		for range callers {
			<-arrived
		}
		for range callers {
			barrier <- struct{}{}
		}
		round.Wait()
	}
	if got := opened.Load(); got != callers {
		t.Errorf("%d connections for %d callers and %d rounds, want one each", got, callers, rounds)
	}
}

func get(client *Client, req *http.Request) error {
	resp, err := client.Do(req)
	if err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, resp.Body)
	return errors.Join(err, resp.Body.Close())
}

// noAnswer ends a call whose service is silent.
type noAnswer struct{}

func (noAnswer) Error() string { return "no answer" }
func (noAnswer) Timeout() bool { return true }

// After a connection has turned out to be dead, none that was opened before it is used again.
func TestDeadConnectionsAreNotReused(t *testing.T) {
	var connections, silent atomic.Int64
	l := listen(t, func(conn net.Conn) {
		n := connections.Add(1)
		for r := bufio.NewReader(conn); ; {
			req, err := http.ReadRequest(r)
			if err != nil {
				return
			}
			_, _ = io.Copy(io.Discard, req.Body)
			if n <= silent.Load() {
				continue // its packets are dropped from now on
			}
			fmt.Fprint(conn, "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx")
		}
	})
	url, client := "http://"+l.Addr().String(), New(4)
	var both sync.WaitGroup
	arrived, release := make(chan struct{}, 2), make(chan struct{})
	for range 2 {
		both.Go(func() {
			resp, err := client.Do(post(t, url, nil, 0))
			if err != nil {
				t.Error(err)
				return
			}
			arrived <- struct{}{}
			<-release // so that the other call needs a connection of its own
			_, _ = io.Copy(io.Discard, resp.Body)
			_ = resp.Body.Close()
		})
	}
	<-arrived
	<-arrived
	close(release)
	both.Wait()
	silent.Store(connections.Load())
	ctx, cancel := context.WithCancelCause(t.Context())
	time.AfterFunc(50*time.Millisecond, func() { cancel(noAnswer{}) })
	if err := get(client, post(t, url, nil, 0).WithContext(ctx)); err == nil {
		t.Fatal("a silent connection answered")
	}
	if err := get(client, post(t, url, nil, 0)); err != nil {
		t.Error(err)
	}
	if got, want := connections.Load(), silent.Load()+1; got != want {
		t.Errorf("%d connections, want %d: the idle one must not be used again", got, want)
	}
}

func TestTimeouts(t *testing.T) {
	transport := New(7).sdk.Load().GetTransport()
	if got := transport.ResponseHeaderTimeout; got <= 20*time.Second {
		t.Errorf("a long poll of 20 s is cut after %s", got)
	}
	if got := transport.MaxIdleConnsPerHost; got != 7 {
		t.Errorf("%d idle connections, want 7", got)
	}
	slow := sdkhttp.NewBuildableClient().WithTransportOptions(func(t *http.Transport) { t.ResponseHeaderTimeout = 16 * time.Minute })
	if got := Around(slow, 1).sdk.Load().GetTransport().ResponseHeaderTimeout; got != 16*time.Minute {
		t.Errorf("the transport's own limit became %s", got)
	}
}
