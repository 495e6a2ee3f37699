package runtimeapi

import (
	"io"
	"net/http"
)

// ServeHTTP answers one request of the runtime or an extension. A request for an event blocks until there is one.
func (s *ConcurrentSession) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodGet && hasBody(r) {
		drain(w, r)
		tooLarge(0).write(w)
		return
	}
	serve(s, w, r)
}

// hasBody reports whether a request has a body of at least one byte. If not, it has been read to its end: only then does
// net/http notice that the connection ends, and the request with it.
func hasBody(r *http.Request) bool {
	if r.Body == http.NoBody {
		return false
	}
	_, err := io.ReadFull(r.Body, make([]byte, 1))
	return err == nil
}

func (s *ConcurrentSession) serveNext(w http.ResponseWriter, r *http.Request) {
	q, p := s.ask()
	if p != nil {
		p.write(w)
		return
	}
	if q == nil { // closed
		<-r.Context().Done()
		return
	}
	select {
	case x := <-q.event:
		x.send(w, r)
	case <-r.Context().Done():
		s.leave(q)
	}
}

// send sends the event. If the connection is known to be lost before all of it is sent, the event is returned to the owner: no
// handler can have seen it.
func (x *exchange) send(w http.ResponseWriter, r *http.Request) {
	if r.Context().Err() == nil {
		x.write(w)
		if http.NewResponseController(w).Flush() == nil {
			return
		}
	}
	x.session.mu.Lock()
	defer x.session.mu.Unlock()
	x.session.takeBack(x)
}

func (s *ConcurrentSession) serveResponse(w http.ResponseWriter, r *http.Request, id string) {
	x, p := s.begin(id, responding)
	if p == nil {
		p = receive(x, w, r, id, x.stream)
	}
	reply(w, p)
}

func (s *ConcurrentSession) serveError(w http.ResponseWriter, r *http.Request, id string) {
	x, p := s.begin(id, respondingFail)
	if p == nil {
		p = receiveError(x, w, r, id, longestRequest)
	}
	reply(w, p)
}

func (s *ConcurrentSession) serveInitError(w http.ResponseWriter, r *http.Request) {
	f, p := s.beginInitError()
	if p == nil {
		p = receiveError(f, w, r, "", longestRequest)
	}
	reply(w, p)
}
