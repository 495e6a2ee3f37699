package api

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"os"
	"time"
)

// call is one request to an operation of Lambda's API.
type call struct {
	*http.Request // its Body has been read

	w         http.ResponseWriter // for operations that write their answer while they run
	streamed  bool                // the operation has begun to write its answer to w
	seal      func(http.Header)   // decides last about the headers of the answer; nil for those of Lambda's API
	id        string              // the request ID: the answer's x-amzn-RequestId
	operation string              // as Lambda's API names it
	event     bool                // it brings an event for asynchronous invocation
	names     []string            // the segments of the path that match the stars of the route, unescaped
	body      []byte
}

// read reads the body of c, up to limit bytes. Then it lifts the connection's deadlines: a function may run for long.
func (s *Server) read(c *call, limit int64) error {
	connection := http.NewResponseController(c.w)
	if c.Body != nil && c.Body != http.NoBody {
		body, err := s.body(c, limit)
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
func (s *Server) body(c *call, limit int64) ([]byte, error) {
	if err := c.enter(s.reading); err != nil {
		return nil, err
	}
	defer func() { <-s.reading }()
	http.NewResponseController(c.w).SetReadDeadline(time.Now().Add(readWithin)) //nolint:errcheck // tests have no connection
	if c.ContentLength > limit {
		return nil, c.tooLong(limit, 0)
	}
	var text bytes.Buffer
	text.Grow(int(max(c.ContentLength, 0)) + bytes.MinRead) // so that most bodies are read without a copy
	_, err := text.ReadFrom(http.MaxBytesReader(c.w, c.Body, limit))
	if _, large := errors.AsType[*http.MaxBytesError](err); large {
		return nil, c.tooLong(limit, int64(text.Len())+1) // the byte above the limit is lost
	}
	if errors.Is(err, os.ErrDeadlineExceeded) { // many SDKs retry after this exception
		return nil, throw("RequestTimeoutException", "The body of the request did not arrive within %v.", readWithin)
	}
	if err != nil {
		return nil, throw("SerializationException", "The body of the request could not be read: %v", err)
	}
	return text.Bytes(), nil
}

// weight returns the bytes that an event counts while it is read and accepted: at most limit.
func (c *call) weight(limit int64) int64 {
	size := c.ContentLength
	if size < 0 || size > limit {
		size = limit
	}
	return max(size, minAccepting)
}

// enter takes a place among those of a channel, and waits for one.
func (c *call) enter(places chan struct{}) error {
	select {
	case places <- struct{}{}:
		return nil
	case <-c.Context().Done():
		return c.Context().Err()
	}
}

// tooLong discards the rest of a body that is too long, of which size bytes have been read, up to a bound, and returns the
// exception: many clients read the answer only after they have sent everything. A client that sent Expect waits for the answer
// before it sends.
func (c *call) tooLong(limit, size int64) error {
	if c.Header.Get("Expect") == "" {
		more, _ := io.CopyN(io.Discard, c.Body, maxDiscarded) // the request is refused either way
		size += more
	}
	if c.event {
		return tooLargeEvent(max(size, c.ContentLength), limit)
	}
	return tooLarge(limit, c.operation)
}

func tooLarge(limit int64, operation string) error {
	return throw("RequestEntityTooLargeException", "Request must be smaller than %d bytes for the %s operation", limit, operation)
}
