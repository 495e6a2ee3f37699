package runtimeapi

import (
	"errors"
	"io"
	"net/http"
	"time"
)

// Bounds of what is read of an answer that is refused, so that the runtime can read its 413: a server that closes the
// connection while the client writes shows it a broken connection instead.
const (
	drainBytes = 64 << 20
	drainTime  = 5 * time.Second
)

var errTooLarge = errors.New("the body is too large")

// readBody reads r's body, of at most limit bytes, to its end, after which r.Trailer is filled.
func readBody(r *http.Request, limit int) ([]byte, error) {
	if r.ContentLength > int64(limit) {
		return nil, errTooLarge
	}
	if r.ContentLength >= 0 {
		body := make([]byte, r.ContentLength)
		_, err := io.ReadFull(r.Body, body)
		return body, err
	}
	body := make([]byte, 0, 1024)
	for {
		n, err := r.Body.Read(body[len(body):cap(body)])
		body = body[:len(body)+n]
		switch {
		case len(body) > limit:
			return nil, errTooLarge
		case errors.Is(err, io.EOF):
			return body, nil
		case err != nil:
			return nil, err
		case len(body) == cap(body):
			body = append(body, 0)[:len(body)]
		}
	}
}

// drain reads the rest of the body, within bounds. If it does not reach the end, the connection is closed.
func drain(w http.ResponseWriter, r *http.Request) {
	c := http.NewResponseController(w)
	_ = c.SetReadDeadline(time.Now().Add(drainTime)) // an error leaves the byte bound
	if n, err := io.CopyN(io.Discard, r.Body, drainBytes); n == drainBytes || !errors.Is(err, io.EOF) {
		w.Header().Set("Connection", "close")
		return
	}
	_ = c.SetReadDeadline(time.Time{})
}
