package runtimeapi

import (
	"errors"
	"net/http"
	"slices"
	"time"

	"github.com/esm-run/esm"
	"github.com/esm-run/esm/config"
)

// ErrNotReady means that the runtime does not wait for an event, or that an extension still works.
var ErrNotReady = errors.New("runtimeapi: the environment is not ready for an event")

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

	Began, Ended time.Time // when the request with the answer came, and when it had been read
	Produced     int       // bytes that the handler sent
}

var (
	_ http.Handler = (*Session)(nil)
	_ invocation   = (*Session)(nil)
)

// Session is the Runtime API of one runtime and the Extensions API of the extensions beside it. It serves them as an
// [http.Handler], and its owner by Idle, Dispatch and Answers, in this order for each event. Which process makes a request
// does not matter: an extension may act as the runtime. Methods may be called concurrently. Each runtime needs a new
// Session.
type Session struct {
	extensionsAPI
	idle    chan struct{}
	answers chan Answer
	asked   chan time.Time

	// The mu of extensionsAPI guards what follows.
	state   state     // of the runtime
	current *delivery // the event of this invocation, until the runtime asks for the next one
	began   time.Time // when the current answer began
	parked  []waiter  // oldest first
}

// waiter is a runtime's request for an event, until the event comes.
type waiter chan *delivery

// New returns the Session of a runtime of fn that has not made a request yet. External are the names of the external
// extensions beside it; whoever registers by another name is an internal extension.
func New(fn config.Function, external ...string) *Session {
	s := &Session{state: started, idle: make(chan struct{}, 1), answers: make(chan Answer, 1), asked: make(chan time.Time, 1)}
	s.open(fn, external)
	s.check, s.settled = checkEvents, s.free
	return s
}

// Idle returns a channel that receives a value each time the environment becomes free: when Init is done, and after each
// answer, when the runtime asks for its next event and every extension that got the event waits for another. Init is done
// when the runtime and every extension have asked for an event. The next Dispatch discards a value that was not received.
func (s *Session) Idle() <-chan struct{} { return s.idle }

// Answers returns a channel that receives at most one Answer for each event dispatched. An Answer before the first value
// from Idle is the runtime's report that its Init failed.
func (s *Session) Answers() <-chan Answer { return s.answers }

// Asked returns a channel that receives the time each time the runtime asks for its next event, and for its first. Extensions
// may still work then. The next Dispatch discards a value that was not received.
func (s *Session) Asked() <-chan time.Time { return s.asked }

// Dispatch delivers ev to the runtime and to the extensions that subscribed to INVOKE. The environment must be idle. It
// does not block. If the connection on which the runtime waits is dead, the runtime gets ev when it asks again.
func (s *Session) Dispatch(ev Event) error {
	d := newDelivery(ev)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.state != ready || s.busy > 0 {
		return ErrNotReady
	}
	s.forget()
	s.state, s.current = running, d
	s.wake()
	s.invoke(ev)
	return nil
}

// forget empties the channels for the next invocation.
func (s *Session) forget() {
	select {
	case <-s.idle:
	default:
	}
	select {
	case <-s.answers:
	default:
	}
	select {
	case <-s.asked:
	default:
	}
}

// free reports to the owner that the environment is free, if it is. It is called whenever the runtime or an extension
// becomes ready; both are then until the next Dispatch. The caller holds mu.
func (s *Session) free() {
	if s.state == ready && s.busy == 0 {
		s.idle <- struct{}{} // has room: Dispatch made some
	}
}

// Close ends the runtime's part of the Session: answers no longer count, and a request for an event blocks until its
// connection ends, because a runtime that gets an error logs it and exits. It is called before the runtime is killed.
// Extensions may still be told of the end by Shutdown.
func (s *Session) Close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.state, s.current, s.parked = closed, nil, nil
	s.sealed, s.over = true, true
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
		s.state, s.current, s.sealed = ready, nil, true
		s.asked <- time.Now() // has room: Dispatch made some
		s.free()
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
	s.state, s.began = to, time.Now()
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
	s.state, s.began, s.sealed = initError, time.Now(), true
	return nil
}

// end passes a to the Session's owner.
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
	a.Began, a.Ended = s.began, time.Now()
	s.answers <- a // has room: Dispatch made some
	return true
}
