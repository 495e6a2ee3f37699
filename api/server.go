package api

import (
	"fmt"
	"net/http"
	"runtime/debug"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/esm-run/esm"
	"github.com/esm-run/esm/mappings"
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

	// Tails collects the logs of invocations whose callers asked for them; nil answers without logs. Its Trace must
	// receive the output of handlers.
	Tails *Tails

	// Region and Account are those of the engine's own ARNs.
	Region, Account string

	// Warn receives members of requests that were ignored, and failures of the engine's own. It may be called
	// concurrently; nil discards. Its texts quote no values of requests.
	Warn func(string)

	once    sync.Once
	reading chan struct{} // a token for each body that is being read
	calls   invocations
}

// Bounds of one request.
const (
	maxDocument  = 256 << 10        // bytes of a request's JSON; the largest mapping needs less
	maxDiscarded = 16 << 20         // bytes that are read of a body that is too long, before the answer
	maxReading   = 64               // bodies that are read at the same time; further requests wait
	readWithin   = 10 * time.Second // time for a body to arrive, once it may be read
	answerWithin = 30 * time.Second // time for the client to read its answer
)

// ServeHTTP answers one request. A panic ends that request alone, with HTTP status 500.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c := &call{Request: r, id: uuid.NewString()}
	a := s.perform(w, c)
	http.NewResponseController(w).SetWriteDeadline(time.Now().Add(answerWithin)) //nolint:errcheck // tests have no connection
	a.write(w, c.id)
}

// perform returns the answer to c. It does not panic.
func (s *Server) perform(w http.ResponseWriter, c *call) (a answer) {
	defer func() {
		if wrong := recover(); wrong != nil {
			s.warnf("%s %s: request %s: panic: %v\n%s", c.Method, c.operation, c.id, wrong, debug.Stack())
			a = throw("ServiceException", "The engine failed at this request: see its log (request %s).", c.id).answer()
		}
	}()
	a, err := s.operate(w, c)
	if err != nil {
		return s.exceptionOf(c, err).answer()
	}
	return a
}

func (s *Server) operate(w http.ResponseWriter, c *call) (answer, error) {
	r, names, err := find(c.Method, c.URL.EscapedPath())
	if err != nil {
		return answer{}, err
	}
	c.operation, c.names = r.operation, names
	if err := s.read(w, c, r.bodyLimit()); err != nil {
		return answer{}, err
	}
	return r.perform(s, c)
}

func (s *Server) warnf(format string, args ...any) {
	if s.Warn != nil {
		s.Warn(fmt.Sprintf(format, args...))
	}
}
