package telemetry

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

const (
	ms     = time.Millisecond
	second = time.Second
)

// receiver is an extension that receives events, over HTTP at port 8080 and over TCP at port 4000.
type receiver struct {
	*testing.T
	*Subscriptions
	began   time.Time
	answers []int        // statuses of the first requests; 204 afterwards
	delay   atomic.Int64 // of answers, in ns
	broken  atomic.Bool  // nobody listens

	server http.Server
	conns  chan net.Conn
	work   sync.WaitGroup

	mu  sync.Mutex
	got []string // when, how, and the types of events or their text
	all []string // events
}

// listener accepts the connections that a receiver is given.
type listener struct{ conns chan net.Conn }

func (l listener) Accept() (net.Conn, error) {
	c, ok := <-l.conns
	if !ok {
		return nil, net.ErrClosed
	}
	return c, nil
}
func (l listener) Close() error   { return nil }
func (l listener) Addr() net.Addr { return &net.TCPAddr{} }

// bubble runs a test with a receiver, and stops the subscriptions at its end.
func bubble(t *testing.T, test func(*receiver)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		r := &receiver{T: t, began: time.Now(), conns: make(chan net.Conn)}
		r.server.Handler = r
		r.work.Go(func() { _ = r.server.Serve(listener{r.conns}) })
		r.Subscriptions = New(r.dial, true)
		test(r)
		r.Stop()
		close(r.conns)
		r.server.Close()
		r.work.Wait()
	})
}

func (r *receiver) dial(ctx context.Context, port int) (net.Conn, error) {
	if r.broken.Load() {
		return nil, errors.New("connection refused")
	}
	mine, theirs := net.Pipe()
	switch port {
	case 8080:
		select {
		case r.conns <- theirs:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	case 4000:
		r.work.Go(func() { r.lines(theirs) })
	default:
		return nil, fmt.Errorf("nobody listens at %d", port)
	}
	return mine, nil
}

func (r *receiver) ServeHTTP(w http.ResponseWriter, q *http.Request) {
	body, _ := io.ReadAll(q.Body)
	var events []json.RawMessage
	if err := json.Unmarshal(body, &events); err != nil {
		r.Errorf("%s: %v", body, err)
	}
	r.note(fmt.Sprint(q.Method, " ", q.URL.Path, " ", q.Header.Get("Sequence-Id")), events...)
	select {
	case <-time.After(time.Duration(r.delay.Load())):
	case <-q.Context().Done():
	}
	status := 204
	r.mu.Lock()
	if len(r.answers) > 0 {
		status, r.answers = r.answers[0], r.answers[1:]
	}
	r.mu.Unlock()
	w.WriteHeader(status)
}

func (r *receiver) lines(c net.Conn) {
	defer c.Close()
	for s := bufio.NewScanner(c); s.Scan(); {
		r.note("line", json.RawMessage(s.Text()))
	}
}

func (r *receiver) note(how string, events ...json.RawMessage) {
	r.mu.Lock()
	defer r.mu.Unlock()
	text := fmt.Sprint(time.Since(r.began), " ", how, ":")
	for _, e := range events {
		var event struct {
			Type   string
			Record any
		}
		if err := json.Unmarshal(e, &event); err != nil {
			r.Errorf("%s: %v", e, err)
		}
		r.all = append(r.all, string(e))
		text += " " + strings.TrimPrefix(event.Type, "platform.")
	}
	r.got = append(r.got, text)
}

func (r *receiver) subscribe(body string) {
	r.Helper()
	if _, p := r.Subscribe("ext", Telemetry, []byte(body)); p != nil {
		r.Fatal(p)
	}
}

func (r *receiver) line(text string) { r.Emit(time.Now(), Line{Text: text}) }

// want checks what was received since the last call.
func (r *receiver) want(lines ...string) {
	r.Helper()
	synctest.Wait()
	r.mu.Lock()
	defer r.mu.Unlock()
	if got, want := strings.Join(r.got, "\n"), strings.Join(lines, "\n"); got != want {
		r.Errorf("got\n%s\nwant\n%s", got, want)
	}
	r.got = nil
}

const (
	overHTTP = `{"schemaVersion":"2022-12-13","types":["platform","function","extension"],"destination":{"protocol":"HTTP","URI":"http://sandbox.localdomain:8080/p"}}`
	overTCP  = `{"schemaVersion":"2022-12-13","types":["function"],"destination":{"protocol":"TCP","port":4000},"buffering":{"timeoutMs":25}}`
)
