package runtimeapi_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/esm-run/esm"
	"github.com/esm-run/esm/invoker/runtimeapi"
)

// concurrent runs test with a session that takes several events at once.
func concurrent(t *testing.T, test func(*rig, *runtimeapi.ConcurrentSession), external ...string) {
	t.Helper()
	var session *runtimeapi.ConcurrentSession
	served(t, func(*rig) http.Handler {
		session = runtimeapi.NewConcurrent(function, external...)
		return session
	}, func(r *rig) { test(r, session) })
}

const late = `{"errorMessage":"Invoke timeout","errorType":"InvokeTimeout"}` + "\n"

func closed[T any](c <-chan T) bool {
	synctest.Wait()
	select {
	case _, open := <-c:
		return !open
	default:
		return false
	}
}

// claim returns a claim that was granted.
func (r *rig) claim(s *runtimeapi.ConcurrentSession) {
	r.Helper()
	if !closed(s.Claim()) {
		r.Fatal("no request is free")
	}
}

// start dispatches an event to one of the parked requests.
func (r *rig) start(s *runtimeapi.ConcurrentSession, id string) <-chan runtimeapi.Answer {
	r.Helper()
	r.claim(s)
	answer, err := s.Dispatch(event(id))
	if err != nil {
		r.Fatal(err)
	}
	synctest.Wait()
	return answer
}

func (r *rig) wantAnswer(c <-chan runtimeapi.Answer, payload, fault string) {
	r.Helper()
	synctest.Wait()
	select {
	case a, delivered := <-c:
		if !delivered || string(a.Response.Payload) != payload || a.Response.Fault != fault {
			r.Errorf("got %+v %q (delivered: %v), want %q with the fault %q", a, a.Response.Payload, delivered, payload, fault)
		}
	default:
		r.Errorf("no answer, want %q", payload)
	}
}

// N parked requests take N events, whose answers come in any order.
func TestEventsAtOnce(t *testing.T) {
	concurrent(t, func(r *rig, s *runtimeapi.ConcurrentSession) {
		if closed(s.Ready()) {
			t.Error("ready before a request")
		}
		const n = 4
		var parked [n]<-chan reply
		for i := range n {
			parked[i] = r.park(r.Context())
		}
		if !closed(s.Ready()) || len(s.Asked()) != 1 {
			t.Error("not ready although requests wait")
		}
		var answers [n]<-chan runtimeapi.Answer
		for i := range n {
			answers[i] = r.start(s, fmt.Sprint("id", i))
			got := <-parked[n-1-i] // the newest first
			r.want(got, 200, "{\"a\": 1}\n ")
			if id := got.header.Get("Lambda-Runtime-Aws-Request-Id"); id != fmt.Sprint("id", i) {
				t.Errorf("event %d has the id %s", i, id)
			}
		}
		extra := s.Claim()
		if closed(extra) {
			t.Error("a claim was granted without a request")
		}
		r.want(r.post(response("id2"), "2"), 202, okay)
		r.wantAnswer(answers[2], "2", "")
		r.want(r.post(failure("id0"), "{}"), 202, okay)
		r.wantAnswer(answers[0], "{}", "Unhandled")
		r.want(r.post(response("id2"), "2"), 400, invalidID) // twice
		r.park(r.Context())
		if !closed(extra) {
			t.Error("no claim was granted although a request waits")
		}
		s.Withdraw(extra)
		r.claim(s)
		r.want(r.post(response("id3"), "3"), 202, okay)
		r.want(r.post(response("id1"), "1"), 202, okay)
		r.wantAnswer(answers[1], "1", "")
		r.wantAnswer(answers[3], "3", "")
	})
}

// Two answers are read at the same time.
func TestAnswersAreReadAtOnce(t *testing.T) {
	concurrent(t, func(r *rig, s *runtimeapi.ConcurrentSession) {
		r.park(r.Context())
		r.park(r.Context())
		a, b := r.start(s, idA), r.start(s, idB)
		slow, end := io.Pipe()
		first := make(chan reply, 1)
		go func() { first <- r.do(http.MethodPost, response(idA), slow) }()
		_, _ = io.WriteString(end, "slow")
		synctest.Wait()
		r.want(r.post(response(idB), "quick"), 202, okay)
		r.wantAnswer(b, "quick", "")
		r.want(r.post(response(idA), "again"), 400, invalidID)
		_ = end.Close()
		r.want(<-first, 202, okay)
		r.wantAnswer(a, "slow", "")
	})
}

func TestLateAnswer(t *testing.T) {
	concurrent(t, func(r *rig, s *runtimeapi.ConcurrentSession) {
		for range 2 {
			r.park(r.Context())
		}
		answer := r.start(s, idA)
		other := r.start(s, idB)
		s.GiveUp(idA)
		r.want(r.post(response(idA), "1"), 410, late)
		r.want(r.post(response(idA), "1"), 400, invalidID)
		if len(answer) > 0 {
			t.Error("the late answer counts")
		}
		r.want(r.post(response(idB), "2"), 202, okay) // undisturbed
		r.wantAnswer(other, "2", "")
		s.GiveUp(idB) // it is over: nothing to give up
		r.want(r.post(response(idB), "2"), 400, invalidID)
		r.want(r.post(response("never"), "2"), 400, invalidID)
	})
}

// An answer that is being read when its invocation times out is late, too.
func TestAnswerBecomesLate(t *testing.T) {
	concurrent(t, func(r *rig, s *runtimeapi.ConcurrentSession) {
		r.park(r.Context())
		answer := r.start(s, idA)
		slow, end := io.Pipe()
		reply := make(chan reply, 1)
		go func() { reply <- r.do(http.MethodPost, response(idA), slow) }()
		_, _ = io.WriteString(end, "slow")
		synctest.Wait()
		s.GiveUp(idA)
		_ = end.Close()
		r.want(<-reply, 410, late)
		if len(answer) > 0 {
			t.Error("the late answer counts")
		}
	})
}

func TestLateAnswersAreForgotten(t *testing.T) {
	concurrent(t, func(r *rig, s *runtimeapi.ConcurrentSession) {
		for i := range 1001 {
			r.park(r.Context())
			r.start(s, fmt.Sprint("id", i))
			s.GiveUp(fmt.Sprint("id", i))
		}
		r.want(r.post(response("id0"), "1"), 400, invalidID)
		r.want(r.post(response("id1"), "1"), 410, late)
		r.want(r.post(response("id1000"), "1"), 410, late)
	})
}

// An event that is tried again with its id is a new one.
func TestEventIsTriedAgain(t *testing.T) {
	concurrent(t, func(r *rig, s *runtimeapi.ConcurrentSession) {
		r.park(r.Context())
		r.start(s, idA)
		s.GiveUp(idA)
		r.park(r.Context())
		answer := r.start(s, idA)
		r.want(r.post(response(idA), "1"), 202, okay)
		r.wantAnswer(answer, "1", "")
		r.want(r.post(response(idA), "1"), 400, invalidID)
	})
}

func TestDuplicateEvent(t *testing.T) {
	concurrent(t, func(r *rig, s *runtimeapi.ConcurrentSession) {
		r.park(r.Context())
		r.park(r.Context())
		r.start(s, idA)
		r.claim(s)
		if _, err := s.Dispatch(event(idA)); !errors.Is(err, runtimeapi.ErrDuplicated) {
			t.Errorf("got %v, want ErrDuplicated", err)
		}
		r.start(s, idB) // the request is still there
	})
}

// A request whose connection is lost is no place for an event any more.
func TestLostRequests(t *testing.T) {
	concurrent(t, func(r *rig, s *runtimeapi.ConcurrentSession) {
		ctx, cancel := context.WithCancel(r.Context())
		r.park(ctx)
		r.claim(s)
		cancel()
		synctest.Wait()
		if _, err := s.Dispatch(event(idA)); !errors.Is(err, runtimeapi.ErrNoRequest) {
			t.Errorf("got %v, want ErrNoRequest", err)
		}
		claim := s.Claim()
		if closed(claim) {
			t.Error("a claim was granted without a request")
		}
		r.park(r.Context())
		if !closed(claim) {
			t.Error("no claim was granted")
		}
		answer, err := s.Dispatch(event(idA)) // the id is free
		if err != nil {
			t.Fatal(err)
		}
		r.want(r.post(response(idA), "1"), 202, okay)
		r.wantAnswer(answer, "1", "")
	})
}

// An event that could not be sent goes back to the owner, who can send it elsewhere.
func TestEventThatIsNotSentComesBack(t *testing.T) {
	concurrent(t, func(r *rig, s *runtimeapi.ConcurrentSession) {
		conn, err := r.pipes.dial(r.Context(), "", "")
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.WriteString(conn, "GET "+next+" HTTP/1.1\r\nHost: "+host+"\r\n\r\n")
		answer := r.start(s, idA)
		_ = conn.Close() // nothing has been read
		if !closed(answer) {
			t.Error("the event did not come back")
		}
		r.want(r.post(response(idA), "1"), 400, invalidID)
	})
}

func TestConcurrentLimits(t *testing.T) {
	concurrent(t, func(r *rig, s *runtimeapi.ConcurrentSession) {
		const tooMuch = `{"errorMessage":"Exceeded maximum allowed payload size (%d bytes).","errorType":"RequestEntityTooLarge"}` + "\n"
		r.want(r.do(http.MethodGet, next, strings.NewReader("x")), 413, fmt.Sprintf(tooMuch, 0))
		for range 3 {
			r.park(r.Context())
		}
		a, b, c := r.start(s, idA), r.start(s, idB), r.start(s, "c")
		megabyte := strings.Repeat("x", 1<<20)
		r.want(r.post(failure(idA), megabyte+"x"), 413, fmt.Sprintf(tooMuch, 1<<20))
		r.wantAnswer(a, `{"errorMessage":"Response payload size exceeded maximum allowed payload size (1048576 bytes).","errorType":"Function.ResponseSizeTooLarge"}`, "Function.ResponseSizeTooLarge")
		r.want(r.post(failure(idB), megabyte), 202, okay)
		r.wantAnswer(b, megabyte, "Unhandled")
		r.want(r.post(response("c"), megabyte+"x"), 202, okay) // a response may have six
		r.wantAnswer(c, megabyte+"x", "")
	})
}

// parts is a stream that keeps what it receives.
type parts struct{ strings.Builder }

func (*parts) Begin(string) {}

// A worker that fails while it streams reports that beside the stream.
func TestErrorWhileStreaming(t *testing.T) {
	concurrent(t, func(r *rig, s *runtimeapi.ConcurrentSession) {
		r.park(r.Context())
		r.claim(s)
		to, ev := new(parts), event(idA)
		ev.Stream = to
		answer, err := s.Dispatch(ev)
		if err != nil {
			t.Fatal(err)
		}
		body, end := io.Pipe()
		streaming := make(chan reply, 1)
		go func() {
			streaming <- r.do(http.MethodPost, response(idA), body, header("Lambda-Runtime-Function-Response-Mode", "streaming"))
		}()
		_, _ = io.WriteString(end, "half")
		synctest.Wait()
		r.want(r.post(failure(idA), `{"errorType":"Broken"}`), 202, okay)
		r.wantAnswer(answer, `{"errorType":"Broken"}`, "Unhandled")
		_ = end.Close()
		r.want(<-streaming, 400, invalidID)
		if to.String() != "half" {
			t.Errorf("the stream received %q", to)
		}
	})
}

// Of several workers, the first decides whether Init has failed.
func TestConcurrentInitError(t *testing.T) {
	concurrent(t, func(r *rig, s *runtimeapi.ConcurrentSession) {
		r.want(r.post(initE, `{"errorType":"ImportError"}`), 202, okay)
		r.wantAnswer(s.InitError(), `{"errorType":"ImportError"}`, "Unhandled")
		r.want(r.post(initE, "{}"), 403, forbidden("InitError", "InitError"))
		r.want(r.get(next), 403, forbidden("InitError", "Ready"))
		if closed(s.Ready()) {
			t.Error("ready after a failed Init")
		}
	})
	concurrent(t, func(r *rig, s *runtimeapi.ConcurrentSession) {
		r.park(r.Context())
		r.want(r.post(initE, "{}"), 403, forbidden("Ready", "InitError"))
	})
}

func TestConcurrentExtensions(t *testing.T) {
	concurrent(t, func(r *rig, s *runtimeapi.ConcurrentSession) {
		r.park(r.Context())
		name := func(n string) edit { return header("Lambda-Extension-Name", n) }
		r.want(r.post(register, `{"events":["INVOKE"]}`, name("logs")), 403,
			`{"errorMessage":"INVOKE: ErrorInvalidEventType","errorType":"Extension.InvalidEventType"}`+"\n")
		got := r.post(register, `{"events":["SHUTDOWN"]}`, name("logs"))
		if got.status != 200 || closed(s.Ready()) {
			t.Errorf("got %+v", got)
		}
		go r.do(http.MethodGet, eventNext, nil, header("Lambda-Extension-Identifier", got.header.Get("Lambda-Extension-Identifier")))
		if !closed(s.Ready()) {
			t.Error("not ready although all wait")
		}
	}, "logs")
	concurrent(t, func(r *rig, _ *runtimeapi.ConcurrentSession) {
		for _, events := range []string{`["INVOKE"]`, `["SHUTDOWN"]`} {
			r.want(r.post(register, `{"events":`+events+`}`, header("Lambda-Extension-Name", "inside")), 403,
				`{"errorMessage":"No events allowed for internal extensions","errorType":"Extension.InvalidEventType"}`+"\n")
		}
		if got := r.post(register, `{"events":[]}`, header("Lambda-Extension-Name", "inside")); got.status != 200 {
			t.Errorf("got %+v", got)
		}
	})
}

// A closed session answers nothing: a runtime that gets an error logs it.
func TestConcurrentClose(t *testing.T) {
	concurrent(t, func(r *rig, s *runtimeapi.ConcurrentSession) {
		r.park(r.Context())
		answer := r.start(s, idA)
		s.Close()
		parked := r.park(r.Context())
		if len(parked) > 0 {
			t.Error("a request was answered")
		}
		r.want(r.post(response(idA), "1"), 400, invalidID)
		if len(answer) > 0 {
			t.Error("an answer counts")
		}
	})
}

var _ esm.ResponseStream = (*parts)(nil)
