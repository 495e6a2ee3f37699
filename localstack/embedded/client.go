package embedded

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"strings"
)

// Client returns an HTTP client whose requests, to whatever host, are answered by s in the caller's goroutine: there is
// no socket and no goroutine, so that it works inside a testing/synctest bubble. It fits the HTTPClient of an SDK's
// options; any BaseEndpoint will do, and queue URLs carry its host. A request whose context ends fails with that error.
// Subscribing to a shard is the exception: until the body of its answer is closed, a goroutine writes to it.
func (s *Server) Client() *http.Client { return &http.Client{Transport: shortcut{s}} }

// A shortcut takes requests straight to a handler.
type shortcut struct{ handler http.Handler }

// RoundTrip blocks until the handler has answered.
func (t shortcut) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Body != nil {
		defer r.Body.Close()
	}
	in := r.Clone(r.Context())
	if in.Body == nil {
		in.Body = http.NoBody
	}
	if in.Method == "" {
		in.Method = http.MethodGet
	}
	if in.Host == "" {
		in.Host = in.URL.Host
	}
	if strings.HasSuffix(in.Header.Get("X-Amz-Target"), ".SubscribeToShard") {
		return stream(t.handler, in)
	}
	answer := &answer{header: make(http.Header)}
	t.handler.ServeHTTP(answer, in)
	if r.Context().Err() != nil {
		return nil, context.Cause(r.Context())
	}
	return answer.response(r), nil
}

// An answer is what a handler wrote.
type answer struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (a *answer) Header() http.Header { return a.header }

func (a *answer) WriteHeader(status int) {
	if a.status == 0 {
		a.status = status
	}
}

func (a *answer) Write(b []byte) (int, error) {
	a.WriteHeader(http.StatusOK)
	return a.body.Write(b)
}

func (a *answer) response(r *http.Request) *http.Response {
	a.WriteHeader(http.StatusOK)
	return &http.Response{
		Status:        http.StatusText(a.status),
		StatusCode:    a.status,
		Proto:         "HTTP/1.1",
		ProtoMajor:    1,
		ProtoMinor:    1,
		Header:        a.header,
		Body:          io.NopCloser(&a.body),
		ContentLength: int64(a.body.Len()),
		Request:       r,
	}
}
