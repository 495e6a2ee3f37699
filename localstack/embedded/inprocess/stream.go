package inprocess

import (
	"context"
	"io"
	"net/http"
	"sync"
)

// A stream is a response that is read while it is written: the handler's http.ResponseWriter and the response's body.
type stream struct {
	header http.Header
	cancel context.CancelFunc
	in     *io.PipeReader
	out    *io.PipeWriter

	once   sync.Once
	status int
	sent   http.Header
	begun  chan struct{} // closed when status and sent are set

	running sync.WaitGroup
}

// serveStream serves r in a goroutine and returns when the response begins.
func serveStream(handler http.Handler, r *http.Request) (*http.Response, error) {
	ctx, cancel := context.WithCancel(r.Context())
	s := &stream{header: make(http.Header), cancel: cancel, begun: make(chan struct{})}
	s.in, s.out = io.Pipe()
	s.running.Go(func() {
		defer cancel()
		handler.ServeHTTP(s, r.WithContext(ctx))
		s.WriteHeader(http.StatusOK)
		s.out.Close()
	})
	s.running.Go(func() {
		<-ctx.Done()
		s.out.CloseWithError(context.Cause(ctx)) // does nothing if the handler has closed it
	})
	select {
	case <-s.begun:
		return response(r, s.status, s.sent, s, -1), nil
	case <-r.Context().Done():
		s.Close()
		return nil, context.Cause(r.Context())
	}
}

func (s *stream) Header() http.Header { return s.header }

func (s *stream) WriteHeader(status int) {
	s.once.Do(func() {
		s.status, s.sent = status, s.header.Clone()
		close(s.begun)
	})
}

// Write blocks until b is read.
func (s *stream) Write(b []byte) (int, error) {
	s.WriteHeader(http.StatusOK)
	return s.out.Write(b)
}

// Flush begins the response. Whatever was written has been read by then.
func (s *stream) Flush() { s.WriteHeader(http.StatusOK) }

func (s *stream) Read(b []byte) (int, error) { return s.in.Read(b) }

// Close cancels the request and returns when the handler has returned.
func (s *stream) Close() error {
	s.cancel()
	s.in.Close()
	s.running.Wait()
	return nil
}
