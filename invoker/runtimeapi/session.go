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

// ErrNotReady says that the runtime is not waiting for an event.
var ErrNotReady = errors.New("runtimeapi: the runtime is not ready for an event")

// Event is one invocation as the runtime sees it.
type Event struct {
	ID            string
	Deadline      time.Time // when the invocation times out
	FunctionArn   string    // as invoked: with the caller's qualifier
	TraceID       string
	ClientContext string // decoded JSON; empty is not sent
	Payload       []byte // not changed, and not used once the invocation is over
}

// Answer is what a runtime said about one invocation, or about its Init.
type Answer struct {
	Response esm.Response

	// ErrorType is the type of a failure, for logs: the Lambda-Runtime-Function-Error-Type that the runtime sent, cut
	// down to the types that Lambda knows. It is empty for a success.
	ErrorType string

	// Truncated says that the answer broke off: the runtime cannot be trusted with a further event.
	Truncated bool
}

var _ http.Handler = (*Session)(nil)

// Session is one runtime's conversation with the Runtime API. It serves the runtime's requests as an [http.Handler] and
// gives its owner the other end: Idle, Dispatch, Answers, in this order and over again. All methods may be called side
// by side. When the runtime is started anew it gets a new Session.
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

// New returns the Session of a runtime of fn that has not been heard of yet.
func New(fn config.Function) *Session {
	return &Session{fn: fn, state: started, idle: make(chan struct{}, 1), answers: make(chan Answer, 1)}
}

// Idle receives a value each time that the runtime becomes free: once when its Init is done, and once after each
// answer, when it asks for its next event. A value not taken is forgotten with the next Dispatch.
func (s *Session) Idle() <-chan struct{} { return s.idle }

// Answers receives the runtime's answer to each event dispatched, at most one for each. An Answer that comes before the
// first value from Idle is the runtime's report that its Init failed.
func (s *Session) Answers() <-chan Answer { return s.answers }

// Dispatch hands ev to the runtime, which must be idle, and does not block. If the connection on which the runtime
// waits turns out to be dead, the runtime gets ev when it asks again.
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

// forget makes room for what the next invocation brings.
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

// Close ends the conversation: no answer counts any more, and a request for an event waits until its connection ends,
// because a runtime that gets an error here dies noisily. Close it before the runtime is killed.
func (s *Session) Close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.state, s.current, s.parked = closed, nil, nil
}

// Extended says whether the runtime registered an internal extension. Lambda ends such a runtime with SIGTERM and half
// a second of grace, every other one with SIGKILL (AWS: "Understanding the Lambda execution environment lifecycle").
func (s *Session) Extended() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.extensions) > 0
}

// wake gives the current event to the newest waiter: older ones are usually what is left of a lost connection.
func (s *Session) wake() {
	if n := len(s.parked); n > 0 {
		s.parked[n-1] <- s.current
		s.parked = s.parked[:n-1]
	}
}

// ask is the runtime's request for an event. It returns the event, or a waiter that will get it.
func (s *Session) ask() (*delivery, waiter, *problem) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch s.state {
	case running: // asked again without an answer: it cannot have seen the event
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

// leave takes back a request whose connection has ended. An event that it was given meanwhile goes to the next waiter,
// or else to the runtime's next request.
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

// end hands a to the Session's owner. It is called before the runtime gets its reply, since the runtime may ask for its
// next event right after that. It reports false when nobody waits for the answer any more.
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

// delivery is an event made ready for the wire.
type delivery struct {
	id      string
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
	return &delivery{id: ev.ID, payload: ev.Payload, values: [...]string{
		ev.ID,
		strconv.FormatInt(ev.Deadline.UnixMilli(), 10),
		ev.FunctionArn,
		ev.TraceID,
		strconv.Itoa(len(ev.Payload)),
		ev.ClientContext,
	}}
}

// write sends the event. A connection that is lost on the way needs no care: the runtime asks again.
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
