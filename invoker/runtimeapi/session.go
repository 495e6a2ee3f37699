package runtimeapi

import (
	"errors"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/esm-run/esm"
	"github.com/esm-run/esm/config"
)

// ErrNotReady means that the runtime does not wait for an event.
var ErrNotReady = errors.New("runtimeapi: the runtime is not ready for an event")

// Event is one invocation as the runtime sees it.
type Event struct {
	ID            string
	Deadline      time.Time // when the invocation times out
	FunctionArn   string    // as invoked: with the caller's qualifier
	TraceID       string
	ClientContext string // decoded JSON; empty is not sent
	Payload       []byte // not changed, and not used once the invocation is over

	// Stream receives a response that the runtime streams. A call of it may still be in progress when the invocation is over
	// for another reason than the runtime's answer. If it is nil, a streamed response is collected.
	Stream esm.ResponseStream
}

// Answer is a runtime's answer to one invocation, or its report of a failed Init.
type Answer struct {
	Response esm.Response

	// ErrorType is the type of a failure, for logs: the Lambda-Runtime-Function-Error-Type that the runtime sent, if
	// Lambda knows it. It is empty for a success.
	ErrorType string

	// Truncated means that the answer broke off. The runtime must not get another event.
	Truncated bool
}

var _ http.Handler = (*Session)(nil)

// Session is the Runtime API of one runtime. It serves the runtime as an [http.Handler], and its owner by Idle, Dispatch
// and Answers, in this order for each event. Methods may be called concurrently. Each runtime needs a new Session.
type Session struct {
	fn      config.Function
	idle    chan struct{}
	answers chan Answer

	mu         sync.Mutex
	state      state
	current    *delivery   // the event of this invocation, until the runtime asks for the next one
	parked     []waiter    // oldest first
	extensions []extension // registered, in order
}

// waiter is a runtime's request for an event, until the event comes.
type waiter chan *delivery

// New returns the Session of a runtime of fn that has not made a request yet.
func New(fn config.Function) *Session {
	return &Session{fn: fn, state: started, idle: make(chan struct{}, 1), answers: make(chan Answer, 1)}
}

// Idle returns a channel that receives a value each time the runtime becomes free: when its Init is done, and after each
// answer, when it asks for its next event. The next Dispatch discards a value that was not received.
func (s *Session) Idle() <-chan struct{} { return s.idle }

// Answers returns a channel that receives at most one Answer for each event dispatched. An Answer before the first value
// from Idle is the runtime's report that its Init failed.
func (s *Session) Answers() <-chan Answer { return s.answers }

// Dispatch delivers ev to the runtime, which must be idle. It does not block. If the connection on which the runtime waits
// is dead, the runtime gets ev when it asks again.
func (s *Session) Dispatch(ev Event) error {
	d := newDelivery(ev)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.state != ready {
		return ErrNotReady
	}
	s.forget()
	s.state, s.current = running, d
	s.wake()
	return nil
}

// forget empties both channels for the next invocation.
func (s *Session) forget() {
	select {
	case <-s.idle:
	default:
	}
	select {
	case <-s.answers:
	default:
	}
}

// Close ends the Session: answers no longer count, and a request for an event blocks until its connection ends, because a
// runtime that gets an error logs it and exits. It is closed before the runtime is killed.
func (s *Session) Close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.state, s.current, s.parked = closed, nil, nil
}

// Extended reports whether the runtime has registered an internal extension. Lambda ends such a runtime with SIGTERM and
// half a second of grace, any other with SIGKILL (AWS: "Understanding the Lambda execution environment lifecycle").
func (s *Session) Extended() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.extensions) > 0
}

// wake gives the current event to the newest waiter: older ones usually belong to a lost connection.
func (s *Session) wake() {
	if n := len(s.parked); n > 0 {
		s.parked[n-1] <- s.current
		s.parked = s.parked[:n-1]
	}
}

// ask handles the runtime's request for an event. It returns the event, or a waiter that will get it.
func (s *Session) ask() (*delivery, waiter, *problem) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch s.state {
	case running: // it asks without having answered, so it has not seen the event
		return s.current, nil, nil
	case closed:
		return nil, nil, nil
	case started, sent:
		s.state, s.current = ready, nil
		s.idle <- struct{}{} // has room: Dispatch made some
	case ready:
	default:
		return nil, nil, forbidden(s.state, ready)
	}
	w := make(waiter, 1)
	s.parked = append(s.parked, w)
	return nil, w, nil
}

// leave withdraws a request whose connection has ended. An event that it was given meanwhile goes to the next waiter, or
// to the runtime's next request.
func (s *Session) leave(w waiter) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if i := slices.Index(s.parked, w); i >= 0 {
		s.parked = slices.Delete(s.parked, i, i+1)
		return
	}
	select {
	case d := <-w:
		if s.state == running && s.current == d {
			s.wake()
		}
	default: // closed
	}
}

// begin opens the answer to the event id: to is responding or respondingFail.
func (s *Session) begin(id string, to state) *problem {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.current == nil || s.current.id != id {
		return invalidRequestID
	}
	if s.state != running {
		return forbidden(s.state, to)
	}
	s.state = to
	return nil
}

// stream returns what receives the response to the current event in parts; nil if nothing does.
func (s *Session) stream() esm.ResponseStream {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.current == nil {
		return nil
	}
	return s.current.stream
}

// beginInitError opens the report of a failed Init.
func (s *Session) beginInitError() *problem {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.state != started {
		return forbidden(s.state, initError)
	}
	s.state = initError
	return nil
}

// end passes a to the Session's owner. It is called before the runtime gets its reply, since the runtime may ask for its
// next event right after that. It reports false if the answer no longer counts.
func (s *Session) end(a Answer) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch s.state {
	case responding, respondingFail:
		s.state = sent
	case initError:
	default:
		return false
	}
	s.answers <- a // has room: Dispatch made some
	return true
}

// delivery is an event in the form of a reply.
type delivery struct {
	id      string
	stream  esm.ResponseStream
	payload []byte
	values  [6]string // of deliveryHeaders; the last may be empty
}

var deliveryHeaders = [...]string{
	"Lambda-Runtime-Aws-Request-Id",
	"Lambda-Runtime-Deadline-Ms",
	"Lambda-Runtime-Invoked-Function-Arn",
	"Lambda-Runtime-Trace-Id",
	"Content-Length",
	"Lambda-Runtime-Client-Context",
}

func newDelivery(ev Event) *delivery {
	return &delivery{id: ev.ID, stream: ev.Stream, payload: ev.Payload, values: [...]string{
		ev.ID,
		strconv.FormatInt(ev.Deadline.UnixMilli(), 10),
		ev.FunctionArn,
		ev.TraceID,
		strconv.Itoa(len(ev.Payload)),
		ev.ClientContext,
	}}
}

// write sends the event. If the connection is lost, the runtime asks again.
func (d *delivery) write(w http.ResponseWriter) {
	h := w.Header()
	h["Content-Type"] = jsonType
	for i, name := range deliveryHeaders {
		if d.values[i] != "" {
			h[name] = d.values[i : i+1 : i+1]
		}
	}
	_, _ = w.Write(d.payload)
}
