package api

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/uuid"

	"github.com/esm-run/esm"
	"github.com/esm-run/esm/config"
	"github.com/esm-run/esm/trace"
)

const asyncPath = "/2014-11-13/functions/f/invoke-async/"

// send sends an event for asynchronous invocation.
func (r *rig) send(path, body string, headers ...string) *httptest.ResponseRecorder {
	return r.ask("POST", path, body, append([]string{"X-Amz-Invocation-Type", "Event"}, headers...)...)
}

func TestEvent(t *testing.T) {
	const root = "Root=1-5bef4de7-ad49b0e87f6ef6c87fc2e700;Parent=9a9197af755a6419;Sampled=1;Lineage=1:9c94b8f6:3"
	r := newRig(t)
	r.reserved["f"] = 0
	w := r.send(invokePath, " {\"a\" : 1}\n", "X-Amzn-Trace-Id", root, "X-Amz-Client-Context", strings.Repeat("no base64", 500), "X-Amz-Log-Type", "Tail")
	e := r.accepted[0]
	if w.Code != 202 || w.Body.Len() != 0 || len(r.called()) != 0 || uuid.Validate(e.ID) != nil {
		t.Fatalf("got %s, call %v, event %+v", errorOf(w), r.called(), e)
	}
	for name, want := range map[string]string{
		"X-Amzn-RequestId": e.ID, "Content-Length": "0", "X-Amzn-Remapped-Content-Length": "0", "X-Amzn-Trace-Id": root,
		"Content-Type": "", "X-Amz-Executed-Version": "", "X-Amz-Function-Error": "", "X-Amz-Log-Result": "",
	} {
		if got := w.Header().Get(name); got != want {
			t.Errorf("%s: got %q, want %q", name, got, want)
		}
	}
	if string(e.Payload) != " {\"a\" : 1}\n" || e.Function != "f" || e.TraceHeader != root || !e.Accepted.IsZero() {
		t.Errorf("got %+v", e)
	}
	const id = "8476a536-e9f4-41e8-9739-2dfe598c3fcd"
	for _, tt := range []struct{ path, body, function, payload string }{
		{"f:$LATEST/invocations", "", "f:$LATEST", "{}"},
		{"away/invocations?Qualifier=live", `"x"`, "away:live", `"x"`},
		{functionARN + "f/invocations", "null", "f", "null"},
	} {
		w := r.send("/2015-03-31/functions/"+tt.path, tt.body, "X-Amzn-RequestId", id)
		e := r.accepted[len(r.accepted)-1]
		if w.Code != 202 || e.ID != id || e.Function != tt.function || string(e.Payload) != tt.payload || !esm.IsTraceHeader(e.TraceHeader) {
			t.Errorf("%s: got %s, event %+v", tt.path, errorOf(w), e)
		}
	}
}

func TestInvokeAsync(t *testing.T) {
	r := newRig(t)
	w := r.ask("POST", asyncPath, "[1]", "X-Amz-Invocation-Type", "RequestResponse")
	if e := r.accepted; w.Code != 202 || w.Body.String() != `{"Status":202}` || len(e) != 1 || string(e[0].Payload) != "[1]" || e[0].ID != w.Header().Get("X-Amzn-RequestId") {
		t.Errorf("got %s, events %+v", errorOf(w), e)
	}
}

func TestRefusedEvents(t *testing.T) {
	r := newRig(t)
	const tooLarge = `413 RequestEntityTooLargeException {"Message":"%d byte payload is too large for the Event invocation type (limit %d bytes)"}`
	text := func(size int) string { return `"` + strings.Repeat("x", size-2) + `"` }
	const notJSON = `400 InvalidRequestContentException {"Type":"User","message":"Could not parse request body into json: Could not parse payload into json: `
	for _, tt := range []struct{ path, body, want string }{
		{invokePath, text(esm.MaxEvent + 1), fmt.Sprintf(tooLarge, esm.MaxEvent+1, esm.MaxEvent)},
		{invokePath, text(esm.MaxPayload + 1), fmt.Sprintf(tooLarge, esm.MaxPayload+1, esm.MaxEvent)},
		{asyncPath, text(maxAsyncEvent + 1), fmt.Sprintf(tooLarge, maxAsyncEvent+1, maxAsyncEvent)},
		{invokePath, "{", notJSON + `unexpected end of JSON input"}`},
		{asyncPath, "\"\x87\"", notJSON + `invalid UTF-8"}`},
		{"/2015-03-31/functions/nope/invocations", "{}", `404 ResourceNotFoundException {"Type":"User","Message":"Function not found: ` + functionARN + `nope:$LATEST"}`},
		{"/2015-03-31/functions/f:live/invocations", "{}", `404 ResourceNotFoundException {"Type":"User","Message":"Function not found: ` + functionARN + `f:live"}`},
		{"/2014-11-13/functions/nope/invoke-async", "{}", `404 ResourceNotFoundException {"Type":"User","Message":"Function not found: ` + functionARN + `nope:$LATEST"}`},
	} {
		if got := errorOf(r.send(tt.path, tt.body)); got != tt.want || len(r.accepted) > 0 {
			t.Errorf("%s, %d bytes:\ngot  %s\nwant %s", tt.path, len(tt.body), got, tt.want)
		}
	}
	req := httptest.NewRequest("POST", invokePath, struct{ io.Reader }{strings.NewReader(text(esm.MaxEvent + 7))}) // chunked
	req.Header.Set("X-Amz-Invocation-Type", "Event")
	w := httptest.NewRecorder()
	if r.ServeHTTP(w, req); errorOf(w) != fmt.Sprintf(tooLarge, esm.MaxEvent+7, esm.MaxEvent) {
		t.Errorf("chunked: got %s", errorOf(w))
	}
	for path, size := range map[string]int{invokePath: esm.MaxEvent, asyncPath: maxAsyncEvent} {
		if w := r.send(path, text(size)); w.Code != 202 {
			t.Errorf("%s, at the limit: got %s", path, errorOf(w))
		}
	}
}

func TestAcceptFailures(t *testing.T) {
	r := newRig(t)
	r.accept = func(context.Context, esm.Event) error { return errors.New("no space left on device") }
	want := `500 ServiceException {"Type":"Service","Message":"no space left on device"}`
	if got := errorOf(r.send(invokePath, "{}")); got != want || !strings.Contains(r.warnings(), "no space") {
		t.Errorf("got %s, warned %s", got, r.warnings())
	}
	r.Async = nil
	want = `500 ServiceException {"Type":"Service","Message":"Asynchronous delivery has not started: the event was not accepted."}`
	if got := errorOf(r.send(invokePath, "{}")); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// TestEventsAreNotThrottled tests that events are accepted while the invocations of callers hold all the memory that they may.
func TestEventsAreNotThrottled(t *testing.T) {
	r := newRig(t)
	_, end, err := r.Server.calls.begin(maxHeld)
	if err != nil {
		t.Fatal(err)
	}
	defer end()
	if w := r.ask("POST", invokePath, "{}"); w.Code != 429 {
		t.Errorf("an invocation: got %s", errorOf(w))
	}
	if w := r.send(invokePath, "{}"); w.Code != 202 {
		t.Errorf("an event: got %s", errorOf(w))
	}
}

// TestAnswerFollowsAcceptance tests that the answer is written when the event is stored, also for a client that has left.
func TestAnswerFollowsAcceptance(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		var stored atomic.Int64
		r.accept = func(ctx context.Context, _ esm.Event) error {
			select {
			case <-time.After(time.Minute):
				stored.Add(1)
				return nil
			case <-ctx.Done():
				return context.Cause(ctx)
			}
		}
		dial := r.serve(t)
		stay, leave := dial(), dial()
		began := time.Now()
		for _, conn := range []io.Writer{stay, leave} {
			fmt.Fprintf(conn, "POST %s HTTP/1.1\r\nHost: x\r\nX-Amz-Invocation-Type: Event\r\nContent-Length: 2\r\n\r\n{}", invokePath)
		}
		synctest.Wait()
		leave.Close()
		resp, err := http.ReadResponse(bufio.NewReader(stay), nil)
		if took := time.Since(began); err != nil || resp.StatusCode != 202 || took != time.Minute {
			t.Errorf("got %v, %v after %v", resp, err, took)
		}
		r.Close(t.Context())
		if n := stored.Load(); n != 2 {
			t.Errorf("%d events are stored", n)
		}
	})
}

// TestCloseWaitsForAcceptance tests that Close waits for events that are being stored, until its context ends, and that none is
// accepted after it.
func TestCloseWaitsForAcceptance(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.accept = func(ctx context.Context, _ esm.Event) error { <-ctx.Done(); return context.Cause(ctx) }
		var sending sync.WaitGroup
		sending.Go(func() {
			if got, want := errorOf(r.send(invokePath, "{}")), `500 ServiceException {"Type":"Service","Message":"the engine is stopping"}`; got != want {
				t.Errorf("got %s, want %s", got, want)
			}
		})
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		began := time.Now()
		r.Close(ctx)
		if took := time.Since(began); took != time.Second {
			t.Errorf("Close took %v", took)
		}
		sending.Wait()
		if got, want := errorOf(r.send(invokePath, "{}")), `500 ServiceException {"Type":"Service","Message":"The engine is stopping."}`; got != want {
			t.Errorf("after Close: got %s, want %s", got, want)
		}
	})
}

// TestManySenders tests that a thousand clients are all answered, and that a bounded number of events is in memory.
func TestManySenders(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		var mu sync.Mutex
		now, most := 0, 0
		r.accept = func(context.Context, esm.Event) error {
			mu.Lock()
			now++
			most = max(most, now)
			mu.Unlock()
			time.Sleep(time.Second)
			mu.Lock()
			now--
			mu.Unlock()
			return nil
		}
		var clients sync.WaitGroup
		for range 1000 {
			clients.Go(func() {
				if w := r.send(invokePath, "{}"); w.Code != 202 {
					t.Errorf("got %s", errorOf(w))
				}
			})
		}
		clients.Wait()
		if most != maxAccepting/minAccepting || len(r.accepted) != 1000 {
			t.Errorf("%d events at a time, %d in all", most, len(r.accepted))
		}
		most = 0
		large := `"` + strings.Repeat("x", esm.MaxEvent-2) + `"`
		for range 100 {
			clients.Go(func() { r.send(invokePath, large) })
		}
		clients.Wait()
		if most != maxAccepting/esm.MaxEvent || len(r.accepted) != 1100 {
			t.Errorf("%d large events at a time, %d in all", most, len(r.accepted))
		}
	})
}

// TestSlowEvents tests that events that do not arrive are given up, and that further ones are accepted then.
func TestSlowEvents(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		dial := r.serve(t)
		var clients sync.WaitGroup
		for range maxAccepting/minAccepting + 1 {
			clients.Go(func() {
				conn := dial()
				fmt.Fprintf(conn, "POST %s HTTP/1.1\r\nHost: x\r\nX-Amz-Invocation-Type: Event\r\nContent-Length: 10\r\n\r\n{", invokePath)
				answer, err := io.ReadAll(conn)
				if err != nil || !strings.HasPrefix(string(answer), "HTTP/1.1 408 ") {
					t.Errorf("%v: %s", err, answer)
				}
			})
		}
		clients.Wait()
		if w := r.send(invokePath, "{}"); w.Code != 202 || !r.accepting.TryAcquire(maxAccepting) || len(r.accepted) != 1 {
			t.Errorf("afterwards %s, %d accepted, or some are in progress", errorOf(w), len(r.accepted))
		}
	})
}

func TestRecursion(t *testing.T) {
	const header = "Root=1-5bef4de7-ad49b0e87f6ef6c87fc2e700;Lineage=1:x:16"
	const stopped = `400 RecursiveInvocationException {"Type":"User","Message":"The function was not invoked, because it is part of a loop that invokes it again and again."}`
	r := newRig(t)
	stops := 0
	r.Trace = func(e trace.Event) {
		if e == (trace.RecursionStopped{Function: "f", Count: 1}) || e == (trace.RecursionStopped{Function: "f:$LATEST", Count: 1}) {
			stops++
		}
	}
	r.Recursive = func(function, header string) (string, bool) {
		return header + ";via=" + function, strings.Contains(header, ":16")
	}
	for _, path := range []string{invokePath, "/2021-11-15/functions/f:$LATEST/response-streaming-invocations"} {
		if got := errorOf(r.ask("POST", path, "{}", "X-Amzn-Trace-Id", header)); got != stopped || len(r.called()) != 0 {
			t.Errorf("%s: got %s", path, got)
		}
	}
	if stops != 2 {
		t.Errorf("%d stops are reported, want 2", stops)
	}
	passed := strings.ReplaceAll(header, ":16", ":15")
	w := r.ask("POST", invokePath, "{}", "X-Amzn-Trace-Id", passed)
	if want := passed + ";via=f"; r.called()[0].TraceHeader != want || w.Header().Get("X-Amzn-Trace-Id") != want {
		t.Errorf("got call %+v, headers %v", r.called()[0], w.Header())
	}
	r.giveURL(t, config.FunctionURLConfig{})
	for i, given := range []string{passed, header} {
		want := []string{passed + ";via=f", header}[i]
		if w := r.visit("GET", "/url/f/", "", "X-Amzn-Trace-Id", given); w.Code != 200 || r.called()[i+1].TraceHeader != want {
			t.Errorf("a URL: got %s, call %+v", errorOf(w), r.called()[i+1])
		}
	}
	if w := r.send(invokePath, "{}", "X-Amzn-Trace-Id", header); w.Code != 202 || r.accepted[0].TraceHeader != header {
		t.Errorf("an event is stopped when it is due: got %s, %+v", errorOf(w), r.accepted)
	}
}
