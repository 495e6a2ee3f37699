package api

import (
	"bytes"
	"errors"
	"maps"
	"mime"
	"net/http"

	"github.com/esm-run/esm"
)

// integrationResponse is the media type of a streamed response that begins with its status and headers.
const integrationResponse = "application/vnd.awslambda.http-integration-response"

// maxPrelude is the most bytes of the status and headers of a streamed response.
const maxPrelude = 1 << 20

// urlStream passes a response on to the client of a function URL while the handler writes it. It implements
// [esm.ResponseStream].
type urlStream struct {
	call     *call
	function string

	described bool   // the response begins with its status and headers
	prelude   []byte // what has arrived of these
	err       error  // after which nothing more is written
}

var _ esm.ResponseStream = (*urlStream)(nil)

// Begin implements [esm.ResponseStream].
func (u *urlStream) Begin(contentType string) {
	if media, _, err := mime.ParseMediaType(contentType); err == nil && media == integrationResponse {
		u.described = true
		return
	}
	a := answer{status: http.StatusOK, header: http.Header{}}
	if contentType != "" {
		a.header.Set("Content-Type", contentType)
	}
	u.begin(a)
}

// begin writes the head of the response.
func (u *urlStream) begin(a answer) {
	c := u.call
	c.streamed = true
	h := c.w.Header()
	h.Set("Content-Type", "application/octet-stream")
	maps.Copy(h, a.header)
	h.Set("X-Amzn-Requestid", c.id)
	c.seal(h)
	c.patience()
	c.w.WriteHeader(a.status)
	u.err = c.flush()
}

// Write implements [esm.ResponseStream]. A client that takes nothing for long is given up.
func (u *urlStream) Write(p []byte) (int, error) {
	if u.err != nil {
		return 0, u.err
	}
	n := len(p)
	if !u.call.streamed {
		if p = u.describe(p); u.err != nil {
			return 0, u.err
		}
	}
	if len(p) == 0 {
		return n, nil
	}
	u.call.patience()
	if _, u.err = u.call.w.Write(p); u.err == nil {
		u.err = u.call.flush()
	}
	if u.err != nil {
		return 0, u.err
	}
	return n, nil
}

var errPrelude = errors.New("the response has no status and headers")

// describe reads status and headers, and returns what follows them.
func (u *urlStream) describe(p []byte) (body []byte) {
	u.prelude = append(u.prelude, p...)
	prelude, body, ok := bytes.Cut(u.prelude, endOfPrelude)
	if !ok {
		if len(u.prelude) > maxPrelude {
			u.err = errPrelude
		}
		return nil
	}
	var head answer
	if head, u.err = readPrelude(prelude); u.err != nil {
		return nil
	}
	u.prelude = nil
	u.begin(head)
	return body
}

// endStream returns the answer after the whole response was streamed. The zero answer means that the client has it.
func (s *Server) endStream(u *urlStream, resp esm.Response) answer {
	if !u.call.streamed {
		s.warnf("function %s: request %s: its response does not begin with a status and headers, but has their type", u.function, u.call.id)
	}
	if !u.call.streamed || resp.Fault != "" {
		return badGateway()
	}
	u.call.patience() // for the end of the body: the handler may have written last long ago
	return answer{}
}
