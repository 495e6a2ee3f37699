package embedded

import (
	"context"
	"io"
	"net/http"
	"sync"
)

// A flow is an answer that is read while it is written. It is the body of its response.
type flow struct {
	header http.Header
	cancel context.CancelFunc
	in     *io.PipeReader
	out    *io.PipeWriter

	once   sync.Once
	status int
	sent   http.Header
	begun  chan struct{} // closed when status and sent are there

	running sync.WaitGroup
}

// stream lets a handler answer a request whose answer takes a while. It returns when the answer begins.
func stream(handler http.Handler, r *http.Request) (*http.Response, error) {
	ctx, cancel := context.WithCancel(r.Context())
	f := &flow{header: make(http.Header), cancel: cancel, begun: make(chan struct{})}
	f.in, f.out = io.Pipe()
	f.running.Go(func() {
		defer cancel()
		handler.ServeHTTP(f, r.WithContext(ctx))
		f.WriteHeader(http.StatusOK)
		f.out.Close()
	})
	f.running.Go(func() {
		<-ctx.Done()
		f.out.CloseWithError(context.Cause(ctx)) // unless it is closed: then all of it was read
	})
	select {
	case <-f.begun:
	case <-r.Context().Done():
		f.Close()
		return nil, context.Cause(r.Context())
	}
	return &http.Response{
		Status: http.StatusText(f.status), StatusCode: f.status, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: f.sent, Body: f, ContentLength: -1, Request: r,
	}, nil
}

func (f *flow) Header() http.Header { return f.header }

func (f *flow) WriteHeader(status int) {
	f.once.Do(func() {
		f.status, f.sent = status, f.header.Clone()
		close(f.begun)
	})
}

// Write blocks until the reader has it.
func (f *flow) Write(b []byte) (int, error) {
	f.WriteHeader(http.StatusOK)
	return f.out.Write(b)
}

// Flush begins the answer. What was written was read.
func (f *flow) Flush() { f.WriteHeader(http.StatusOK) }

func (f *flow) Read(b []byte) (int, error) { return f.in.Read(b) }

// Close ends the request and returns when its handler has.
func (f *flow) Close() error {
	f.cancel()
	f.in.Close()
	f.running.Wait()
	return nil
}
