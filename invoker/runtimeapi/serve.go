package runtimeapi

import (
	"io"
	"net/http"
	"strings"

	"github.com/esm-run/esm"
)

const (
	invocationPath = "/2018-06-01/runtime/invocation/"
	nextPath       = invocationPath + "next"
	initErrorPath  = "/2018-06-01/runtime/init/error"
	pingPath       = "/2018-06-01/ping"
)

// runtimeCalls are the requests that a session answers.
type runtimeCalls interface {
	serveNext(w http.ResponseWriter, r *http.Request)
	serveInitError(w http.ResponseWriter, r *http.Request)
	serveResponse(w http.ResponseWriter, r *http.Request, id string)
	serveError(w http.ResponseWriter, r *http.Request, id string)
	serveExtensions(w http.ResponseWriter, r *http.Request)
}

// serve passes one request on to s.
func serve(s runtimeCalls, w http.ResponseWriter, r *http.Request) {
	path := r.URL.Path
	switch path {
	case nextPath:
		if allow(w, r, http.MethodGet) {
			s.serveNext(w, r)
		}
		return
	case initErrorPath:
		if allow(w, r, http.MethodPost) {
			s.serveInitError(w, r)
		}
		return
	case pingPath:
		if allow(w, r, http.MethodGet) {
			_, _ = w.Write([]byte("pong"))
		}
		return
	}
	if rest, ok := strings.CutPrefix(path, invocationPath); ok {
		serveInvocation(s, w, r, rest)
		return
	}
	s.serveExtensions(w, r)
}

// serveInvocation answers <id>/response and <id>/error.
func serveInvocation(s runtimeCalls, w http.ResponseWriter, r *http.Request, rest string) {
	id, verb, _ := strings.Cut(rest, "/")
	switch verb {
	case "response":
		if allow(w, r, http.MethodPost) {
			s.serveResponse(w, r, id)
		}
	case "error":
		if allow(w, r, http.MethodPost) {
			s.serveError(w, r, id)
		}
	default:
		w.WriteHeader(http.StatusNotFound)
	}
}

func allow(w http.ResponseWriter, r *http.Request, method string) bool {
	if r.Method == method {
		return true
	}
	w.Header().Set("Allow", method)
	w.WriteHeader(http.StatusMethodNotAllowed)
	return false
}

// discard reads the body of a request that needs none. Only then does net/http notice that the connection ends, and the
// request with it.
func discard(w http.ResponseWriter, r *http.Request) {
	if r.Body != http.NoBody {
		_, _ = io.Copy(io.Discard, http.MaxBytesReader(w, r.Body, longestRequest)) // fails only with the connection
	}
}

// ServeHTTP answers one request of the runtime. A request for an event blocks until there is one.
func (s *Session) ServeHTTP(w http.ResponseWriter, r *http.Request) { serve(s, w, r) }

func (s *Session) serveNext(w http.ResponseWriter, r *http.Request) {
	discard(w, r)
	d, wait, p := s.ask()
	if p != nil {
		p.write(w)
		return
	}
	if d == nil {
		select {
		case d = <-wait: // a nil channel if the Session is closed: waits for the end of the connection
		case <-r.Context().Done():
			s.leave(wait)
			return
		}
	}
	d.write(w)
}

func (s *Session) serveResponse(w http.ResponseWriter, r *http.Request, id string) {
	if p := s.begin(id, responding); p != nil {
		p.write(w)
		return
	}
	reply(w, receive(s, w, r, id, s.stream()))
}

func (s *Session) serveError(w http.ResponseWriter, r *http.Request, id string) {
	p := s.begin(id, respondingFail)
	if p == nil {
		p = receiveError(s, w, r, id, esm.MaxResponse)
	}
	reply(w, p)
}

func (s *Session) serveInitError(w http.ResponseWriter, r *http.Request) {
	p := s.beginInitError()
	if p == nil {
		p = receiveError(s, w, r, "", esm.MaxResponse)
	}
	reply(w, p)
}

// tooLate refuses an answer: its request is no longer current.
func (s *Session) tooLate(string) *problem { return invalidRequestID }

func reply(w http.ResponseWriter, p *problem) {
	if p != nil {
		p.write(w)
		return
	}
	accepted(w)
}
