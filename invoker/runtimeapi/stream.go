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
func relay(inv invocation, w http.ResponseWriter, r *http.Request, id string, to esm.ResponseStream) *problem {
	to.Begin(r.Header.Get("Content-Type"))
	switch n, err := copyStream(to, r.Body); {
	case err == nil:
		return finish(inv, id, streamed(readResponse(nil, r.Trailer), n))
	case errors.Is(err, errTooLarge):
		inv.end(streamed(platformAnswer(esm.ResponseTooLarge(Version, esm.MaxStreamedResponse)), n))
		drain(w, r)
		return tooLarge(esm.MaxStreamedResponse)
	default:
		inv.end(streamed(truncatedAnswer(id), n))
		w.Header().Set("Connection", "close")
		return truncatedRequest
	}
}

// copyStream reads body to its end, after which the request's trailer is filled, and returns its length. Errors are those of
// the body.
func copyStream(to io.Writer, body io.Reader) (length int, err error) {
	buffer := make([]byte, streamBuffer)
	for {
		n, err := body.Read(buffer)
		part := buffer[:min(n, esm.MaxStreamedResponse-length)]
		if len(part) > 0 && to != nil {
			if _, lost := to.Write(part); lost != nil {
				to = nil // nobody receives the rest
			}
		}
		length += len(part)
		switch {
		case len(part) < n:
			return length, errTooLarge
		case errors.Is(err, io.EOF):
			return length, nil
		case err != nil:
			return length, err
		}
	}
}

func streamed(a Answer, produced int) Answer {
	a.Response.Streamed, a.Produced = true, produced
	return a
}
