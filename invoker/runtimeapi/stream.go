package runtimeapi

import (
	"errors"
	"io"
	"net/http"

	"github.com/esm-run/esm"
)

// streaming is the value of the header Lambda-Runtime-Function-Response-Mode.
const streaming = "streaming"

const streamBuffer = 32 << 10

// relay passes a streamed response on while the runtime sends it. Its bandwidth is not limited, unlike on Lambda. A receiver
// that fails does not end the invocation: the rest is read and discarded.
func (s *Session) relay(w http.ResponseWriter, r *http.Request, id string, to esm.ResponseStream) *problem {
	to.Begin(r.Header.Get("Content-Type"))
	switch err := copyStream(to, r.Body); {
	case err == nil:
		return s.finish(streamed(readResponse(nil, r.Trailer)))
	case errors.Is(err, errTooLarge):
		s.end(streamed(platformAnswer(esm.ResponseTooLarge(Version, esm.MaxStreamedResponse))))
		drain(w, r)
		return tooLarge(esm.MaxStreamedResponse)
	default:
		s.end(streamed(truncatedAnswer(id)))
		w.Header().Set("Connection", "close")
		return truncatedRequest
	}
}

// copyStream reads body to its end, after which the request's trailer is filled. Errors are those of the body.
func copyStream(to io.Writer, body io.Reader) error {
	buffer := make([]byte, streamBuffer)
	for left := esm.MaxStreamedResponse; ; {
		n, err := body.Read(buffer)
		part := buffer[:min(n, left)]
		if len(part) > 0 && to != nil {
			if _, lost := to.Write(part); lost != nil {
				to = nil // nobody receives the rest
			}
		}
		left -= len(part)
		switch {
		case len(part) < n:
			return errTooLarge
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		}
	}
}

func streamed(a Answer) Answer {
	a.Response.Streamed = true
	return a
}
