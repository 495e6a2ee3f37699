// Package silence ends calls to a service that has stopped answering, as behind a connection whose packets are dropped.
package silence

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
)

// Limit is how long a service may be silent: until its answer begins, and at any time before it is complete.
const Limit = 15 * time.Second

// Error says that a service was silent for too long. It is not the end of the caller's context.
type Error struct{ After time.Duration }

func (e *Error) Error() string { return fmt.Sprintf("no answer within %s", e.After) }

// Timeout reports that it is a timeout.
func (e *Error) Timeout() bool { return true }

// CanceledError keeps the SDK from making the call again by itself.
func (e *Error) CanceledError() bool { return true }

type limitKey struct{}

// Allow lets the calls that are made with the context be answered later than usual: only after d. Zero is no limit.
func Allow(ctx context.Context, d time.Duration) context.Context {
	return context.WithValue(ctx, limitKey{}, d)
}

// Client returns client with a limit on the silence of each call.
func Client(client aws.HTTPClient) aws.HTTPClient { return limited{client} }

type limited struct{ next aws.HTTPClient }

// Do is [aws.HTTPClient].Do.
func (l limited) Do(req *http.Request) (*http.Response, error) {
	limit, given := req.Context().Value(limitKey{}).(time.Duration)
	if !given {
		limit = Limit
	}
	if limit == 0 {
		return l.next.Do(req)
	}
	ctx, cancel := context.WithCancelCause(req.Context())
	w := &watch{ctx: ctx, cancel: cancel, limit: limit}
	w.timer = time.AfterFunc(limit, func() { cancel(&Error{limit}) })
	resp, err := l.next.Do(req.WithContext(ctx))
	w.timer.Stop()
	if err != nil {
		defer cancel(nil)
		return nil, w.explain(err)
	}
	resp.Body = &body{resp.Body, w}
	return resp, nil
}

// watch ends one call.
type watch struct {
	ctx    context.Context
	cancel context.CancelCauseFunc
	limit  time.Duration
	timer  *time.Timer
}

// explain returns the reason for which the call was ended, and otherwise err.
func (w *watch) explain(err error) error {
	if silent, ok := errors.AsType[*Error](context.Cause(w.ctx)); ok && err != nil && err != io.EOF {
		return silent
	}
	return err
}

type body struct {
	io.ReadCloser
	watch *watch
}

func (b *body) Read(p []byte) (int, error) {
	b.watch.timer.Reset(b.watch.limit)
	n, err := b.ReadCloser.Read(p)
	b.watch.timer.Stop()
	return n, b.watch.explain(err)
}

func (b *body) Close() error {
	err := b.ReadCloser.Close()
	b.watch.cancel(nil)
	return err
}
