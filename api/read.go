package api

import (
	"errors"
	"io"
	"net/http"
	"os"
	"time"
)

// call is one request to an operation of Lambda's API, its body read.
type call struct {
	*http.Request // its Body is at its end

	id        string   // of this request: the answer's x-amzn-RequestId
	operation string   // as Lambda's API names it
	names     []string // what stands at the stars of the route's path, unescaped
	body      []byte
}

// read reads the body of c, up to limit bytes. Only so many are read at the same time, which bounds the memory that
// clients can fill by sending slowly. Once it is read there is no hurry any more, since a function may run for long.
func (s *Server) read(w http.ResponseWriter, c *call, limit int64) error {
	connection := http.NewResponseController(w)
	if c.Body != nil && c.Body != http.NoBody {
		body, err := s.body(w, c, limit)
		if err != nil {
			return err
		}
		c.body = body
	}
	connection.SetReadDeadline(time.Time{})  //nolint:errcheck // no connection, in a test
	connection.SetWriteDeadline(time.Time{}) //nolint:errcheck // likewise
	return nil
}

// body is the body of c. The time that it has to arrive begins with its turn. What is left of one that could not be read is
// under that deadline too: net/http looks for it after the answer.
func (s *Server) body(w http.ResponseWriter, c *call, limit int64) ([]byte, error) {
	s.once.Do(func() { s.reading = make(chan struct{}, maxReading) })
	select {
	case s.reading <- struct{}{}:
	case <-c.Context().Done():
		return nil, c.Context().Err()
	}
	defer func() { <-s.reading }()
	http.NewResponseController(w).SetReadDeadline(time.Now().Add(readWithin)) //nolint:errcheck // no connection, in a test
	if c.ContentLength > limit {
		return nil, s.tooLong(c, limit)
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, c.Body, limit))
	if _, large := errors.AsType[*http.MaxBytesError](err); large {
		return nil, s.tooLong(c, limit)
	}
	if errors.Is(err, os.ErrDeadlineExceeded) { // which many SDKs take for a reason to try again
		return nil, refuse("RequestTimeoutException", "The body of the request did not arrive within %v.", readWithin)
	}
	if err != nil {
		return nil, refuse("SerializationException", "The body of the request could not be read: %v", err)
	}
	return body, nil
}

// tooLong reads on in a body that is too long, as far as that is reasonable: many clients look for an answer only when they
// have sent all. One that waits to be told to send is not.
func (s *Server) tooLong(c *call, limit int64) error {
	if c.Header.Get("Expect") == "" {
		io.CopyN(io.Discard, c.Body, maxIgnored) //nolint:errcheck // it is refused anyhow
	}
	return tooLarge(limit, c.operation)
}

func tooLarge(limit int64, operation string) *refusal {
	return refuse("RequestEntityTooLargeException", "Request must be smaller than %d bytes for the %s operation", limit, operation)
}
