package runtimeapi

import (
	"errors"
	"net/http"

	"github.com/esm-run/esm"
)

// invocation takes the answer to one event, or the report of a failed Init.
type invocation interface {
	// end passes a to the owner of the session. It is called before the runtime gets its reply, since the runtime may ask for
	// its next event right after that. It reports false if the answer no longer counts.
	end(a Answer) bool

	// tooLate returns the reply to an answer to id that no longer counts.
	tooLate(id string) *problem
}

// receive reads the response to the event id. It checks the header, then the body. If to is not nil, it gets a response that
// is streamed.
func receive(inv invocation, w http.ResponseWriter, r *http.Request, id string, to esm.ResponseStream) *problem {
	mode := r.Header.Get("Lambda-Runtime-Function-Response-Mode")
	switch {
	case mode == streaming && to != nil:
		return relay(inv, w, r, id, to)
	case mode == "", mode == streaming: // without a receiver for parts, a stream is collected
		return collect(inv, w, r, id, mode)
	default:
		inv.end(platformAnswer(respond(nil, "Runtime.InvalidResponseModeHeader")))
		drain(w, r)
		return invalidResponseMode
	}
}

// collect reads a whole response, which the handler may have streamed.
func collect(inv invocation, w http.ResponseWriter, r *http.Request, id, mode string) *problem {
	body, p := readAnswer(inv, w, r, id, esm.MaxResponse)
	if p != nil {
		return p
	}
	a := readResponse(body, r.Trailer)
	a.Response.Streamed, a.Produced = mode == streaming, len(body)
	return finish(inv, id, a)
}

// receiveError reads the error of the invocation id, or of Init if id is empty.
func receiveError(inv invocation, w http.ResponseWriter, r *http.Request, id string, limit int) *problem {
	body, p := readAnswer(inv, w, r, id, limit)
	if p != nil {
		return p
	}
	a := reportedAnswer(r.Header, body)
	a.Produced = len(body)
	return finish(inv, id, a)
}

// readAnswer reads the body of an answer. If it cannot, it ends the invocation and returns the reply.
func readAnswer(inv invocation, w http.ResponseWriter, r *http.Request, id string, limit int) ([]byte, *problem) {
	body, err := readBody(r, limit)
	switch {
	case err == nil:
		return body, nil
	case errors.Is(err, errTooLarge):
		inv.end(platformAnswer(esm.ResponseTooLarge(Version, limit)))
		drain(w, r)
		return nil, tooLarge(limit)
	default:
		inv.end(truncatedAnswer(id))
		w.Header().Set("Connection", "close")
		return nil, truncatedRequest
	}
}

// finish ends the invocation with a.
func finish(inv invocation, id string, a Answer) *problem {
	if !inv.end(a) {
		return inv.tooLate(id)
	}
	return nil
}
