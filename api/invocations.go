package api

import (
	"context"
	"errors"
	"sync"
)

// Bounds of the memory that running invocations hold: each counts with its event, and with minCharge at least.
const (
	maxHeld   = 256 << 20 // bytes
	minCharge = 16 << 10  // bytes
)

// invocations are the running invocations of a Server, and the events that it is accepting. They outlive their requests and end with [Server.Close].
type invocations struct {
	mu      sync.Mutex
	held    int // bytes
	closed  bool
	running sync.WaitGroup
	work    context.Context // of all invocations; made by the first
	cancel  context.CancelCauseFunc
}

var errStopping = errors.New("the engine is stopping")

// begin admits an invocation with an event of size bytes. It runs under the returned context until end is called. Beyond
// the memory bound begin refuses at once, as Lambda refuses callers that call too fast; SDKs retry.
func (i *invocations) begin(size int) (work context.Context, end func(), err error) {
	size = max(size, minCharge)
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.held+size > maxHeld && !i.closed {
		e := throw("TooManyRequestsException", "Rate exceeded")
		e.reason = "CallerRateLimitExceeded"
		return nil, nil, e
	}
	return i.admit(size)
}

// accept admits the acceptance of an event, whose memory is bounded elsewhere. It is not refused before Close.
func (i *invocations) accept() (work context.Context, end func(), err error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.admit(0)
}

// admit admits what Close waits for. The mutex is held.
func (i *invocations) admit(size int) (work context.Context, end func(), err error) {
	if i.closed {
		return nil, nil, throw("ServiceException", "The engine is stopping.")
	}
	i.open()
	i.held += size
	i.running.Add(1)
	return i.work, func() {
		i.mu.Lock()
		i.held -= size
		i.mu.Unlock()
		i.running.Done()
	}, nil
}

// open makes the context. The mutex is held.
func (i *invocations) open() {
	if i.work == nil {
		i.work, i.cancel = context.WithCancelCause(context.Background())
	}
}

// Close refuses further invocations, waits for the running ones until ctx ends, cancels the rest, and returns when all have
// ended. Their answers may still be on their way to clients: close the HTTP server after that.
func (s *Server) Close(ctx context.Context) { s.calls.close(ctx) }

func (i *invocations) close(ctx context.Context) {
	i.mu.Lock()
	i.closed = true
	i.open()
	i.mu.Unlock()
	stop := context.AfterFunc(ctx, func() { i.cancel(errStopping) })
	defer stop()
	i.running.Wait()
	i.cancel(errStopping)
}
