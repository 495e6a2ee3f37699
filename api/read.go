package api

import (
	"errors"
	"io"
	"net/http"
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
// clients can fill by sending slowly; after that time does not count any more, since a function may run for long.
func (s *Server) read(w http.ResponseWriter, c *call, limit int64) error {
	connection := http.NewResponseController(w)
	defer connection.SetReadDeadline(time.Time{})  //nolint:errcheck // no connection, in a test
	defer connection.SetWriteDeadline(time.Time{}) //nolint:errcheck // likewise
	if c.Body == nil || c.Body == http.NoBody {
		return nil
	}
	if c.ContentLength > limit {
		return tooLarge(limit, c.operation)
	}
	s.once.Do(func() { s.reading = make(chan struct{}, maxReading) })
	select {
	case s.reading <- struct{}{}:
	case <-c.Context().Done():
		return c.Context().Err()
	}
	defer func() { <-s.reading }()
	connection.SetReadDeadline(time.Now().Add(readWithin)) //nolint:errcheck // likewise
	body, err := io.ReadAll(http.MaxBytesReader(w, c.Body, limit))
	if _, large := errors.AsType[*http.MaxBytesError](err); large {
		return tooLarge(limit, c.operation)
	}
	if err != nil {
		return refuse("SerializationException", "The body of the request could not be read: %v", err)
	}
	c.body = body
	return nil
}

func tooLarge(limit int64, operation string) *refusal {
	return refuse("RequestEntityTooLargeException", "Request must be smaller than %d bytes for the %s operation", limit, operation)
}
