package runtimeapi

import (
	"io"
	"net/http"
	"strings"
)

const (
	invocationPath = "/2018-06-01/runtime/invocation/"
	nextPath       = invocationPath + "next"
	initErrorPath  = "/2018-06-01/runtime/init/error"
	pingPath       = "/2018-06-01/ping"
)

// ServeHTTP answers one request of the runtime. A request for an event blocks until there is one.
func (s *Session) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	path := r.URL.Path
	switch path {
	case nextPath:
		if allow(w, r, http.MethodGet) {
			s.serveNext(w, r)
		}
		return
	case initErrorPath:
		if allow(w, r, http.MethodPost) {
			s.serveError(w, r, "", s.beginInitError())
		}
		return
	case pingPath:
		if allow(w, r, http.MethodGet) {
			_, _ = w.Write([]byte("pong"))
		}
		return
	}
	if rest, ok := strings.CutPrefix(path, invocationPath); ok {
		s.serveInvocation(w, r, rest)
		return
	}
	s.serveExtensions(w, r)
}

// serveInvocation answers <id>/response and <id>/error.
func (s *Session) serveInvocation(w http.ResponseWriter, r *http.Request, rest string) {
	id, verb, _ := strings.Cut(rest, "/")
	switch verb {
	case "response":
		if allow(w, r, http.MethodPost) {
			s.serveResponse(w, r, id)
		}
	case "error":
		if allow(w, r, http.MethodPost) {
			s.serveError(w, r, id, s.begin(id, respondingFail))
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

// serveResponse checks in Lambda's order: id, state, header, body.
func (s *Session) serveResponse(w http.ResponseWriter, r *http.Request, id string) {
	if p := s.begin(id, responding); p != nil {
		p.write(w)
		return
	}
	mode := r.Header.Get("Lambda-Runtime-Function-Response-Mode")
	switch to := s.stream(); {
	case mode == streaming && to != nil:
		reply(w, s.relay(w, r, id, to))
	case mode == "", mode == streaming: // without a receiver for parts, a stream is collected
		reply(w, s.collect(w, r, id, mode))
	default:
		s.end(platformAnswer(respond(nil, "Runtime.InvalidResponseModeHeader")))
		drain(w, r)
		invalidResponseMode.write(w)
	}
}

// collect reads a whole response, which the handler may have streamed.
func (s *Session) collect(w http.ResponseWriter, r *http.Request, id, mode string) *problem {
	body, p := s.readAnswer(w, r, id)
	if p != nil {
		return p
	}
	a := readResponse(body, r.Trailer)
	a.Response.Streamed, a.Produced = mode == streaming, len(body)
	return s.finish(a)
}

// serveError reads the error of the invocation id, or of Init if id is empty. refused says why it does not count.
func (s *Session) serveError(w http.ResponseWriter, r *http.Request, id string, refused *problem) {
	if refused != nil {
		refused.write(w)
		return
	}
	body, p := s.readAnswer(w, r, id)
	if p == nil {
		a := reportedAnswer(r.Header, body)
		a.Produced = len(body)
		p = s.finish(a)
	}
	reply(w, p)
}

// finish ends the invocation with a. If the answer is too late, its request is no longer current.
func (s *Session) finish(a Answer) *problem {
	if !s.end(a) {
		return invalidRequestID
	}
	return nil
}

func reply(w http.ResponseWriter, p *problem) {
	if p != nil {
		p.write(w)
		return
	}
	accepted(w)
}
