package invoker

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/esm-run/esm"
	"github.com/esm-run/esm/config"
	"github.com/esm-run/esm/trace"
)

// slot is a permit in hand. Under it one environment at a time is busy: also one that has answered and still drains, and
// so the permit goes back to the limits when both its holder and that environment have let go.
type slot struct {
	functions *Functions
	name      string

	mu       sync.Mutex
	busy     bool          // a call runs, or its environment drains
	released bool          // by the holder
	freed    chan struct{} // closed when no longer busy; made by who waits for that
}

// Invoke runs c once what was run before it under this permit is over.
func (s *slot) Invoke(ctx context.Context, c esm.Call) (esm.Response, error) {
	resp, took, err := s.invoke(ctx, c)
	s.functions.Trace.Emit(trace.Ran{
		Function: s.name, ID: c.ID, Took: took,
		Fault: resp.Fault, Throttled: errors.Is(err, esm.ErrThrottled), Err: err,
	})
	return resp, err
}

func (s *slot) invoke(ctx context.Context, c esm.Call) (resp esm.Response, took time.Duration, err error) {
	if err := s.check(c); err != nil {
		return resp, 0, err
	}
	r, err := s.functions.runner(s.name)
	if err != nil {
		return resp, 0, err
	}
	if err := s.occupy(ctx); err != nil {
		return resp, 0, err
	}
	return r.run(ctx, c, s.free)
}

func (s *slot) check(c esm.Call) error {
	if name, _ := config.SplitQualifier(c.Function); name != s.name {
		return fmt.Errorf("invoker: the permit is for %s, not for %s: %w", s.name, name, esm.ErrRefused)
	}
	if s.released { // by this very goroutine, or never
		return fmt.Errorf("invoker: %s: the permit was released: %w", s.name, esm.ErrRefused)
	}
	if n := len(c.Payload); n > esm.MaxPayload {
		return fmt.Errorf("invoker: %s: %d bytes of payload, at most %d are taken: %w", s.name, n, esm.MaxPayload, esm.ErrTooLarge)
	}
	return nil
}

// occupy waits until nothing is busy under this permit.
func (s *slot) occupy(ctx context.Context) error {
	for ctx.Err() == nil {
		freed := s.tryOccupy()
		if freed == nil {
			return nil
		}
		select {
		case <-freed:
		case <-ctx.Done():
		}
	}
	return fmt.Errorf("invoker: %s: %w: %w", s.name, esm.ErrNotRun, context.Cause(ctx))
}

func (s *slot) tryOccupy() (freed <-chan struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.busy {
		s.busy = true
		return nil
	}
	if s.freed == nil {
		s.freed = make(chan struct{})
	}
	return s.freed
}

// free is called by whatever was busy under this permit.
func (s *slot) free() {
	s.mu.Lock()
	s.busy = false
	if s.freed != nil {
		close(s.freed)
		s.freed = nil
	}
	last := s.released
	s.mu.Unlock()
	if last {
		s.functions.Limits.Release(s.name)
	}
}

// Release gives the permit back, as soon as nothing is busy under it any more. It does not wait for that.
func (s *slot) Release() {
	s.mu.Lock()
	last := !s.released && !s.busy
	s.released = true
	s.mu.Unlock()
	if last {
		s.functions.Limits.Release(s.name)
	}
}
