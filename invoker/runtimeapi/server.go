package runtimeapi

import (
	"context"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"sync"
)

// maxHeader allows for the description of a failure that runtimes send to X-Ray in a header: aws-lambda-go's may have a
// megabyte.
const maxHeader = 2<<20 + 64<<10

// Server serves a session over a listener, to requests for one Host: the address that the runtime has in
// AWS_LAMBDA_RUNTIME_API. Any other Host is answered with 404, so that a web page cannot reach the session. Methods may be
// called concurrently; NewServer makes a Server.
type Server struct {
	http http.Server

	mu    sync.Mutex
	conns int
	gone  chan struct{} // closed when the last connection ends; nil while nobody waits for that
}

// NewServer returns a Server of session for host, which is "name:port" as the runtime sends it. It sets no timeouts: a
// request for an event may block for hours.
func NewServer(host string, session http.Handler) *Server {
	s := &Server{}
	s.http = http.Server{
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Host != host {
				w.WriteHeader(http.StatusNotFound)
				return
			}
			session.ServeHTTP(w, r)
		}),
		MaxHeaderBytes: maxHeader,
		ErrorLog:       log.New(io.Discard, "", 0), // of connections; a runtime sees for itself
		ConnState:      s.count,
	}
	return s
}

// Serve answers on l until Close, which makes it return nil.
func (s *Server) Serve(l net.Listener) error {
	if err := s.http.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// Close closes listeners and connections. It does not wait for requests that are being answered; they end soon.
func (s *Server) Close() { _ = s.http.Close() } // the sockets are gone, whatever closing them said

// Quiet blocks until no connection is open, or ctx ends. Everything that a dead runtime had sent has been read then.
func (s *Server) Quiet(ctx context.Context) {
	s.mu.Lock()
	if s.conns == 0 {
		s.mu.Unlock()
		return
	}
	if s.gone == nil {
		s.gone = make(chan struct{})
	}
	gone := s.gone
	s.mu.Unlock()
	select {
	case <-gone:
	case <-ctx.Done():
	}
}

func (s *Server) count(_ net.Conn, to http.ConnState) {
	switch to {
	case http.StateNew:
		s.mu.Lock()
		s.conns++
		s.mu.Unlock()
	case http.StateClosed, http.StateHijacked:
		s.mu.Lock()
		s.conns--
		if s.conns == 0 && s.gone != nil {
			close(s.gone)
			s.gone = nil
		}
		s.mu.Unlock()
	}
}
