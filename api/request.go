package api

import (
	"errors"
	"io"
	"net/http"
	"os"
	"time"
)

// call is one request to an operation of Lambda's API.
type call struct {
	*http.Request // its Body has been read

	id        string   // the request ID: the answer's x-amzn-RequestId
	operation string   // as Lambda's API names it
	names     []string // the segments of the path that match the stars of the route, unescaped
	body      []byte
}

// read reads the body of c, up to limit bytes. Then it lifts the connection's deadlines: a function may run for long.
func (s *Server) read(w http.ResponseWriter, c *call, limit int64) error {
	connection := http.NewResponseController(w)
	if c.Body != nil && c.Body != http.NoBody {
		body, err := s.body(w, c, limit)
		if err != nil {
			return err
		}
		c.body = body
	}
	connection.SetReadDeadline(time.Time{})  //nolint:errcheck // tests have no connection
	connection.SetWriteDeadline(time.Time{}) //nolint:errcheck // tests have no connection
	return nil
}

// body returns the body of c. At most maxReading bodies are read at the same time, which bounds the memory that slow
// clients can fill; the time for a body to arrive begins with its turn. After an error the deadline stays: net/http reads
// the rest of the body after the answer.
func (s *Server) body(w http.ResponseWriter, c *call, limit int64) ([]byte, error) {
	s.once.Do(func() { s.reading = make(chan struct{}, maxReading) })
	select {
	case s.reading <- struct{}{}:
	case <-c.Context().Done():
		return nil, c.Context().Err()
	}
	defer func() { <-s.reading }()
	http.NewResponseController(w).SetReadDeadline(time.Now().Add(readWithin)) //nolint:errcheck // tests have no connection
	if c.ContentLength > limit {
		return nil, c.tooLong(limit)
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, c.Body, limit))
	if _, large := errors.AsType[*http.MaxBytesError](err); large {
		return nil, c.tooLong(limit)
	}
	if errors.Is(err, os.ErrDeadlineExceeded) { // many SDKs retry after this exception
		return nil, throw("RequestTimeoutException", "The body of the request did not arrive within %v.", readWithin)
	}
	if err != nil {
		return nil, throw("SerializationException", "The body of the request could not be read: %v", err)
	}
	return body, nil
}

// tooLong discards the rest of a body that is too long, up to a bound, and returns the exception: many clients read the
// answer only after they have sent everything. A client that sent Expect waits for the answer before it sends.
func (c *call) tooLong(limit int64) error {
	if c.Header.Get("Expect") == "" {
		io.CopyN(io.Discard, c.Body, maxDiscarded) //nolint:errcheck // the request is refused either way
	}
	return tooLarge(limit, c.operation)
}

func tooLarge(limit int64, operation string) error {
	return throw("RequestEntityTooLargeException", "Request must be smaller than %d bytes for the %s operation", limit, operation)
}
