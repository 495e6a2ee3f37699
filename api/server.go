package api

import (
	"fmt"
	"net/http"
	"runtime/debug"
	"sync"
	"time"

	"github.com/google/uuid"
	"golang.org/x/sync/semaphore"

	"github.com/esm-run/esm"
	"github.com/esm-run/esm/config"
	"github.com/esm-run/esm/mappings"
	"github.com/esm-run/esm/trace"
)

// Server is an [http.Handler] that answers requests to Lambda's API. Set its fields before it serves; it serves many
// requests concurrently. It answers paths that Lambda does not have as Lambda does, so that it can be the fallback of an
// address that serves other things too.
type Server struct {
	// Mappings are the engine's event source mappings.
	Mappings *mappings.Register

	// Functions are the engine's functions, Invoker runs them, and Concurrency holds their reservations. Close ends the
	// invocations of this Server.
	Functions   Functions
	Invoker     esm.Invoker
	Concurrency Concurrency

	// Async accepts events for asynchronous invocation. While it is nil, they are answered with a ServiceException.
	Async esm.Acceptor

	// Recursive, if it is not nil, decides about each synchronous invocation from its trace header: stop means that the
	// function has caused itself too often in a row, and next is the header to pass on otherwise. The function is named without
	// its qualifier. It must not block.
	Recursive func(function, traceHeader string) (next string, stop bool)

	// The settings of functions that requests can change, besides Concurrency.
	EventInvoke Settings[config.EventInvokeConfig]
	URLs        Settings[config.FunctionURLConfig]
	Recursion   Settings[string] // RecursionAllowed, or no setting
	Policies    Settings[Policy]
	Provisioned Settings[int] // environments

	// Provisioner starts what Provisioned asks for. While it is nil, calls about provisioned concurrency are answered with a
	// ServiceException.
	Provisioner Provisioner

	// Tails collects the logs of invocations whose callers asked for them; nil answers without logs. Its Trace must
	// receive the output of handlers.
	Tails *Tails

	// Trace receives [trace.RecursionStopped]; nil discards it.
	Trace trace.Func

	// Region and Account are those of the engine's own ARNs.
	Region, Account string

	// Warn receives members of requests that were ignored, and failures of the engine's own. It may be called
	// concurrently; nil discards. Its texts quote no values of requests.
	Warn func(string)

	once      sync.Once
	reading   chan struct{}       // a token for each body that is being read
	accepting *semaphore.Weighted // bytes of the events that are read or being accepted
	calls     invocations
}

// Bounds of one request.
const (
	maxDocument  = 256 << 10        // bytes of a request's JSON; the largest mapping needs less
	maxDiscarded = 16 << 20         // bytes that are read of a body that is too long, before the answer
	maxReading   = 64               // bodies that are read at the same time; further requests wait
	maxAccepting = 64 << 20         // bytes of events that are read or stored at the same time; further ones wait
	minAccepting = 256 << 10        // bytes that an event counts at least
	readWithin   = 10 * time.Second // time for a body to arrive, once it may be read
	answerWithin = 30 * time.Second // time for the client to read its answer
)

// ServeHTTP answers one request. A panic ends that request alone, with HTTP status 500.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.serve(w, r, s.operate)
}

// serve answers one request with the answer of an operation.
func (s *Server) serve(w http.ResponseWriter, r *http.Request, operate func(*call) (answer, error)) {
	s.once.Do(func() {
		s.reading, s.accepting = make(chan struct{}, maxReading), semaphore.NewWeighted(maxAccepting)
	})
	c := &call{Request: r, w: w, id: uuid.NewString()}
	switch a := s.perform(c, operate); {
	case !c.streamed:
		http.NewResponseController(w).SetWriteDeadline(time.Now().Add(answerWithin)) //nolint:errcheck // tests have no connection
		a.write(w, c.id, c.seal)
	case a.status != 0: // it failed in the middle of its answer, whose end tells the client
		panic(http.ErrAbortHandler)
	}
}

// perform returns the answer to c. It does not panic.
func (s *Server) perform(c *call, operate func(*call) (answer, error)) (a answer) {
	defer func() {
		if wrong := recover(); wrong != nil {
			s.warnf("%s %s: request %s: panic: %v\n%s", c.Method, c.operation, c.id, wrong, debug.Stack())
			a = throw("ServiceException", "The engine failed at this request: see its log (request %s).", c.id).answer()
		}
	}()
	a, err := operate(c)
	if err != nil {
		return s.exceptionOf(c, err).answer()
	}
	return a
}

func (s *Server) operate(c *call) (answer, error) {
	r, names, err := find(c.Method, c.URL.EscapedPath())
	if err != nil {
		return answer{}, err
	}
	c.operation, c.names, c.event = r.operation, names, r.takesEvent(c)
	if c.event {
		size := c.weight(r.maxEvent)
		if err := s.accepting.Acquire(c.Context(), size); err != nil {
			return answer{}, err
		}
		defer s.accepting.Release(size)
	}
	if err := s.read(c, r.bodyLimit(c)); err != nil {
		return answer{}, err
	}
	return r.perform(s, c)
}

func (s *Server) warnf(format string, args ...any) {
	if s.Warn != nil {
		s.Warn(fmt.Sprintf(format, args...))
	}
}
