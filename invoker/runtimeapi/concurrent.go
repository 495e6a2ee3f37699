package runtimeapi

import (
	"errors"
	"net/http"
	"slices"
	"time"

	"github.com/esm-run/esm/config"
)

// Errors of [ConcurrentSession.Dispatch].
var (
	ErrNoRequest  = errors.New("runtimeapi: no request of the runtime waits for an event")
	ErrDuplicated = errors.New("runtimeapi: Client.DuplicatedInvokeId: an invocation with this id runs")
)

var _ http.Handler = (*ConcurrentSession)(nil)

// ConcurrentSession is the Runtime API of a runtime that handles several events at once, with a request for an event for each
// that it can take, and the Extensions API of the extensions beside it. Answers belong to events by their ids and come in any
// order. It serves both APIs as an [http.Handler], and its owner by Ready and then, for each event, Claim and Dispatch. Methods
// may be called concurrently. Each runtime needs a new ConcurrentSession.
type ConcurrentSession struct {
	extensionsAPI
	ready     chan struct{}
	asked     chan time.Time
	initError chan Answer

	// The mu of extensionsAPI guards what follows.
	state   state      // Started, InitError, Ready or Closed
	parked  []*request // oldest first
	running map[string]*exchange
	ended   givenUp
	claimed int             // parked requests that have a claim; more than there are if connections were lost
	claims  []chan struct{} // that wait for a request; oldest first
}

// request is a runtime's request for an event, until the event comes.
type request struct{ event chan *exchange }

// exchange is an event that was dispatched and whose answer counts.
type exchange struct {
	session *ConcurrentSession
	*delivery
	answer chan Answer // has room for one; is closed without one if the event was not delivered

	// The session's mu guards what follows.
	state state // Running, InvocationResponse or InvocationErrorResponse
	began time.Time
}

// NewConcurrent returns the ConcurrentSession of a runtime of fn that has not made a request yet. External are as in [New].
func NewConcurrent(fn config.Function, external ...string) *ConcurrentSession {
	s := &ConcurrentSession{
		state: started, ready: make(chan struct{}), asked: make(chan time.Time, 1), initError: make(chan Answer, 1),
		running: map[string]*exchange{},
	}
	s.open(fn, external)
	s.check, s.settled = checkConcurrentEvents, s.initialized
	return s
}

// Ready returns a channel that is closed when Init is done: at least one request for an event waits, and every extension
// has asked for an event.
func (s *ConcurrentSession) Ready() <-chan struct{} { return s.ready }

// Asked returns a channel that receives the time of the runtime's first request for an event.
func (s *ConcurrentSession) Asked() <-chan time.Time { return s.asked }

// InitError returns a channel that receives at most one Answer: the runtime's report that its Init failed.
func (s *ConcurrentSession) InitError() <-chan Answer { return s.initError }

// initialized reports the end of Init to the owner, once. The caller holds mu.
func (s *ConcurrentSession) initialized() {
	if s.state != ready || s.busy > 0 {
		return
	}
	select {
	case <-s.ready:
	default:
		close(s.ready)
	}
}

// Dispatch uses up a claim that was granted, and gives ev to the newest request for an event: older ones may belong to a lost
// connection. It does not block. The channel that it returns receives the answer, or is closed without one if the connection
// of the request was lost before the event was sent. After an error the event was not sent either.
func (s *ConcurrentSession) Dispatch(ev Event) (<-chan Answer, error) {
	x := &exchange{session: s, delivery: newDelivery(ev), answer: make(chan Answer, 1), state: running}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.claimed--
	if s.running[ev.ID] != nil {
		s.grant()
		return nil, ErrDuplicated
	}
	last := len(s.parked) - 1
	if last < 0 {
		return nil, ErrNoRequest
	}
	s.running[ev.ID] = x
	s.ended.forget(ev.ID)
	s.parked[last].event <- x // has room for one, which is all it gets
	s.parked = slices.Delete(s.parked, last, last+1)
	return x.answer, nil
}

// GiveUp ends the invocation id, whose answer does not count from now on: the channel of Dispatch holds the answer if it came
// before. The runtime goes on, and a late answer is told that it is late.
func (s *ConcurrentSession) GiveUp(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.running[id] != nil {
		delete(s.running, id)
		s.ended.add(id)
	}
}

// Close ends the runtime's part of the session, as [Session.Close] does. No channel of Dispatch receives anything any more.
func (s *ConcurrentSession) Close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.state, s.parked = closed, nil
	clear(s.running)
	s.sealed, s.over = true, true
}

// ask handles a request of the runtime for an event. It returns nil if the session is closed.
func (s *ConcurrentSession) ask() (*request, *problem) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch s.state {
	case started:
		s.state, s.sealed = ready, true
		s.asked <- time.Now() // has room: this happens once
		s.initialized()
	case initError:
		return nil, forbidden(initError, ready)
	case closed:
		return nil, nil
	}
	q := &request{event: make(chan *exchange, 1)}
	s.parked = append(s.parked, q)
	s.grant()
	return q, nil
}

// leave withdraws a request whose connection has ended. An event that it was given meanwhile is returned to the owner.
func (s *ConcurrentSession) leave(q *request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if i := slices.Index(s.parked, q); i >= 0 {
		s.parked = slices.Delete(s.parked, i, i+1)
		return
	}
	select {
	case x := <-q.event:
		s.takeBack(x)
	default: // closed
	}
}

// takeBack returns an event that was not sent to the owner. The caller holds mu.
func (s *ConcurrentSession) takeBack(x *exchange) {
	if s.running[x.id] == x {
		delete(s.running, x.id)
		close(x.answer)
	}
}

// begin opens an answer to the event id: to is responding or respondingFail. An error may come while a response is being read.
func (s *ConcurrentSession) begin(id string, to state) (*exchange, *problem) {
	s.mu.Lock()
	defer s.mu.Unlock()
	x := s.running[id]
	if x == nil {
		return nil, s.tooLate(id)
	}
	if x.state != running && (x.state != responding || to != respondingFail) {
		return nil, invalidRequestID
	}
	if x.state == running {
		x.began = time.Now()
	}
	x.state = to
	return x, nil
}

// tooLate returns the reply to an answer that does not count. The caller holds mu.
func (s *ConcurrentSession) tooLate(id string) *problem {
	if s.ended.take(id) {
		return invokeTimeout
	}
	return invalidRequestID
}

var _ invocation = (*exchange)(nil)

func (x *exchange) end(a Answer) bool {
	s := x.session
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.running[x.id] != x {
		return false
	}
	delete(s.running, x.id)
	a.Began, a.Ended = x.began, time.Now()
	x.answer <- a // has room: this is the only one
	return true
}

func (x *exchange) tooLate(id string) *problem {
	x.session.mu.Lock()
	defer x.session.mu.Unlock()
	return x.session.tooLate(id)
}

// failedInit takes the report of a failed Init.
type failedInit struct {
	session *ConcurrentSession
	began   time.Time
}

var _ invocation = failedInit{}

// beginInitError opens the report of a failed Init. Of several workers, the first that asks for an event or reports a failure
// decides.
func (s *ConcurrentSession) beginInitError() (failedInit, *problem) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.state != started {
		return failedInit{}, forbidden(s.state, initError)
	}
	s.state, s.sealed = initError, true
	return failedInit{s, time.Now()}, nil
}

func (f failedInit) end(a Answer) bool {
	a.Began, a.Ended = f.began, time.Now()
	f.session.initError <- a // has room: there is one failedInit
	return true
}

func (failedInit) tooLate(string) *problem { return invalidRequestID }
