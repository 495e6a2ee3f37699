package api

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
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"github.com/esm-run/esm"
)

// slow lets the handler of h take so long, or until its context ends.
func (h *house) slow(d time.Duration) {
	h.handler = func(ctx context.Context, c esm.Call) (esm.Response, error) {
		select {
		case <-time.After(d):
			return esm.Response{Payload: c.Payload}, nil
		case <-ctx.Done():
			return esm.Response{}, context.Cause(ctx)
		}
	}
}

func TestClientThatGoesAway(t *testing.T) {
	h := build(t)
	running, goOn, ran := make(chan struct{}), make(chan struct{}), make(chan error, 1)
	h.handler = func(ctx context.Context, _ esm.Call) (esm.Response, error) {
		close(running)
		<-goOn
		ran <- ctx.Err()
		return esm.Response{}, ctx.Err()
	}
	_, server := h.serve()
	ctx, leave := context.WithCancel(t.Context())
	var asking sync.WaitGroup
	asking.Go(func() {
		r, _ := http.NewRequestWithContext(ctx, "POST", server.URL+invokePath, strings.NewReader("{}"))
		if _, err := http.DefaultClient.Do(r); !errors.Is(err, context.Canceled) {
			t.Errorf("got %v", err)
		}
	})
	<-running
	leave()
	asking.Wait()
	close(goOn)
	if err := <-ran; err != nil {
		t.Errorf("the invocation ended with its client: %v", err)
	}
	h.Close(t.Context())
	if h.Server.calls.held != 0 {
		t.Errorf("%d bytes are held", h.Server.calls.held)
	}
}

func TestCloseLetsInvocationsFinish(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := build(t)
		h.slow(5 * time.Second)
		var asking sync.WaitGroup
		asking.Go(func() {
			if w := h.ask("POST", invokePath, "{}"); w.Code != 200 {
				t.Errorf("got %s", errorOf(w))
			}
		})
		synctest.Wait()
		asking.Go(func() {
			time.Sleep(time.Second)
			want := `500 ServiceException {"Type":"Service","Message":"The engine is stopping."}`
			if got := errorOf(h.ask("POST", invokePath, "{}")); got != want {
				t.Errorf("meanwhile: got %s, want %s", got, want)
			}
		})
		began := time.Now()
		h.Close(t.Context())
		if took := time.Since(began); took != 5*time.Second {
			t.Errorf("Close took %v", took)
		}
		asking.Wait()
	})
}

func TestCloseGivesInvocationsUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := build(t)
		h.slow(time.Hour)
		var asking sync.WaitGroup
		asking.Go(func() {
			want := `500 ServiceException {"Type":"Service","Message":"the engine is stopping"}`
			if got := errorOf(h.ask("POST", invokePath, "{}")); got != want {
				t.Errorf("got %s, want %s", got, want)
			}
		})
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		began := time.Now()
		h.Close(ctx)
		if took := time.Since(began); took != 10*time.Second {
			t.Errorf("Close took %v", took)
		}
		asking.Wait()
		h.Close(ctx)
	})
}

// What the events of all calls need in memory stays within its bound.
func TestManyLargeEvents(t *testing.T) {
	h := build(t)
	calls := &h.Server.calls
	const size = 2 << 20
	var ends []func()
	for range maxEvents / size {
		_, end, err := calls.begin(size)
		if err != nil {
			t.Fatal(err)
		}
		ends = append(ends, end)
	}
	const refusal = `429 TooManyRequestsException {"Reason":"CallerRateLimitExceeded","Type":"User","message":"Rate exceeded"}`
	if got := errorOf(h.ask("POST", invokePath, "{}")); got != refusal || len(h.called()) != 0 {
		t.Errorf("above the bound: got %s", got)
	}
	ends[0]()
	if w := h.ask("POST", invokePath, "{}"); w.Code != 200 {
		t.Errorf("below it again: got %s", errorOf(w))
	}
	for _, end := range ends[1:] {
		end()
	}
	h.Close(t.Context())
	if calls.held != 0 {
		t.Errorf("%d bytes are held", calls.held)
	}
}

func TestThousandsOfCalls(t *testing.T) {
	h := build(t)
	var running, most atomic.Int32
	h.handler = func(_ context.Context, c esm.Call) (esm.Response, error) {
		n := running.Add(1)
		defer running.Add(-1)
		most.Store(max(most.Load(), n))
		return esm.Response{Payload: c.Payload}, nil
	}
	var asking sync.WaitGroup
	for range 5000 {
		asking.Go(func() {
			if w := h.ask("POST", invokePath, `{"a":1}`, "X-Amz-Log-Type", "Tail"); w.Code != 200 || w.Body.String() != `{"a":1}` {
				t.Errorf("got %s", errorOf(w))
			}
		})
	}
	asking.Wait()
	h.Close(t.Context())
	if len(h.Tails.of) != 0 || h.Server.calls.held != 0 {
		t.Errorf("%d logs and %d bytes are kept", len(h.Tails.of), h.Server.calls.held)
	}
}

// A function may run longer than the HTTP server waits for a request or an answer.
func TestInvocationOutlastsTheServersTimeouts(t *testing.T) {
	h := build(t)
	goOn := make(chan struct{})
	h.handler = func(_ context.Context, c esm.Call) (esm.Response, error) {
		<-goOn
		return esm.Response{Payload: c.Payload}, nil
	}
	server := httptest.NewUnstartedServer(h)
	server.Config.ReadTimeout, server.Config.WriteTimeout = 50*time.Millisecond, 50*time.Millisecond
	server.Start()
	defer server.Close()
	client := h.sdk(server)
	for range 2 { // on one connection
		time.AfterFunc(200*time.Millisecond, func() { goOn <- struct{}{} })
		out, err := client.Invoke(t.Context(), &lambda.InvokeInput{FunctionName: aws.String("f"), Payload: []byte("1")})
		if err != nil || string(out.Payload) != "1" {
			t.Fatalf("got %+v, %v", out, err)
		}
	}
}

// Clients read the refusal of an event that is too large, although they are still writing.
func TestTooLargeEventBySDK(t *testing.T) {
	h := build(t)
	client, server := h.serve()
	for range 5 {
		_, err := client.Invoke(t.Context(), &lambda.InvokeInput{FunctionName: aws.String("f"), Payload: make([]byte, esm.MaxPayload+1)})
		if large, ok := errors.AsType[*types.RequestTooLargeException](err); !ok {
			if api, ok := errors.AsType[interface {
				error
				ErrorCode() string
			}](err); !ok || api.ErrorCode() != "RequestEntityTooLargeException" {
				t.Errorf("got %v", err)
			}
		} else if large.ErrorMessage() == "" {
			t.Error("without a text")
		}
	}
	body := struct{ io.Reader }{io.LimitReader(zeros{}, 20<<20)} // chunked
	resp, err := server.Client().Post(server.URL+invokePath, "", body)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != 413 {
		t.Errorf("got %d", resp.StatusCode)
	}
}

// A client that looks for an answer only when it has sent all finds the refusal too, unless that was far too much.
func TestTooLargeEventOfAClientThatSendsAllFirst(t *testing.T) {
	h := build(t)
	_, server := h.serve()
	for _, more := range []int{1, 8 << 20} {
		conn, err := net.Dial("tcp", server.Listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		size := esm.MaxPayload + more
		fmt.Fprintf(conn, "POST %s HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n", invokePath, size)
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

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { return len(p), nil }
