package api

import (
	"context"
	"errors"
	"sync"
)

// Bounds of what invocations hold in memory at the same time: each its event, and at least so much.
const (
	maxEvents = 256 << 20 // bytes
	leastCall = 16 << 10  // bytes
)

// calls are the invocations that run. They outlive their requests, and end with [Server.Close].
type calls struct {
	mu      sync.Mutex
	held    int // bytes
	closed  bool
	running sync.WaitGroup
	life    context.Context // made by the first; ends when they have to
	cut     context.CancelCauseFunc
}

var errStopping = errors.New("the engine is stopping")

// begin takes an invocation with an event of that size in, which runs with the context until end. What is more than
// memory is meant to hold is refused at once, as Lambda refuses callers that call too fast: SDKs try again.
func (c *calls) begin(size int) (work context.Context, end func(), err error) {
	size = max(size, leastCall)
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return nil, nil, refuse("ServiceException", "The engine is stopping.")
	}
	if c.held+size > maxEvents {
		limit := refuse("TooManyRequestsException", "Rate exceeded")
		limit.reason = "CallerRateLimitExceeded"
		return nil, nil, limit
	}
	c.open()
	c.held += size
	c.running.Add(1)
	return c.life, func() {
		c.mu.Lock()
		c.held -= size
		c.mu.Unlock()
		c.running.Done()
	}, nil
}

func (c *calls) open() {
	if c.life == nil {
		c.life, c.cut = context.WithCancelCause(context.Background())
	}
}

// Close takes no more invocations, lets those that run finish until ctx ends, gives them up then, and returns when they
// have ended. Their answers may still be on the way: close the HTTP server after that.
func (s *Server) Close(ctx context.Context) { s.calls.close(ctx) }

func (c *calls) close(ctx context.Context) {
	c.mu.Lock()
	c.closed = true
	c.open()
	c.mu.Unlock()
	patient := context.AfterFunc(ctx, func() { c.cut(errStopping) })
	defer patient()
	c.running.Wait()
	c.cut(errStopping)
}
