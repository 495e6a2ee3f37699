package api

import (
	"fmt"
	"net/http"
	"runtime/debug"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/esm-run/esm"
)

// Server answers requests to Lambda's API. Set its fields before it serves; it may serve many at once. Paths that Lambda
// does not have are answered as Lambda does, so that it can stand behind everything else that an address serves.
type Server struct {
	// Mappings are what the calls about event source mappings and their tags look at and change.
	Mappings Mappings

	// Functions are those that can be invoked and looked at, Invoker runs them, and Concurrency is what is reserved for
	// them. The invocations of this Server end with Close.
	Functions   Functions
	Invoker     esm.Invoker
	Concurrency Concurrency

	// Tails has the ends of the logs of invocations, for callers that want them: its Trace has to be told what handlers
	// write. Without it there are none.
	Tails *Tails

	// Region and Account are those of the engine's own ARNs.
	Region, Account string

	// Warn is told what was asked for and ignored, and what went wrong inside. Nil tells nobody. It may be called by
	// many at once, and quotes no values of requests.
	Warn func(string)

	once    sync.Once
	reading chan struct{} // holds one for each body that is being read
	calls   calls
}

// Bounds of one request.
const (
	maxDocument  = 256 << 10        // bytes of a request's JSON, which is above what the largest mapping needs
	maxIgnored   = 16 << 20         // bytes that are read of a body that is too long, before it is refused
	maxReading   = 64               // bodies that are read at the same time: more wait
	readWithin   = 10 * time.Second // for a body to arrive, from when its turn has come
	answerWithin = 30 * time.Second // for an answer to be taken, once there is one
)

// ServeHTTP answers one request. A panic ends that request alone, with HTTP status 500.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c := &call{Request: r, id: uuid.NewString()}
	a := s.perform(w, c)
	http.NewResponseController(w).SetWriteDeadline(time.Now().Add(answerWithin)) //nolint:errcheck // no connection, in a test
	a.write(w, c.id)
}

// perform is the answer to c, whatever comes of it.
func (s *Server) perform(w http.ResponseWriter, c *call) (a answer) {
	defer func() {
		if wrong := recover(); wrong != nil {
			s.warnf("%s %s: request %s: panic: %v\n%s", c.Method, c.operation, c.id, wrong, debug.Stack())
			a = refuse("ServiceException", "The engine failed at this request; its log says where (request %s).", c.id).answer()
		}
	}()
	route, names, refused := find(c.Method, c.URL.EscapedPath())
	if refused != nil {
		return refused.answer()
	}
	c.operation, c.names = route.operation, names
	if err := s.read(w, c, route.limit()); err != nil {
		return s.refusal(c, err).answer()
	}
	a, err := route.perform(s, c)
	if err != nil {
		return s.refusal(c, err).answer()
	}
	return a
}

func (s *Server) warnf(format string, args ...any) {
	if s.Warn != nil {
		s.Warn(fmt.Sprintf(format, args...))
	}
}
