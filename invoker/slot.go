package invoker

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"

	"github.com/esm-run/esm"
	"github.com/esm-run/esm/config"
	"github.com/esm-run/esm/trace"
)

// slot is a permit. Under it one environment at a time is busy, which includes one that has answered and still drains. The
// permit goes back to the limits when both its holder and that environment have released it.
type slot struct {
	functions *Functions
	name      string
	busy      chan struct{} // holds a value while a call runs or its environment drains
	users     atomic.Int32  // the holder, and what is busy
	released  bool          // by the holder
}

func (f *Functions) slot(name string) *slot {
	s := &slot{functions: f, name: name, busy: make(chan struct{}, 1)}
	s.users.Store(1)
	return s
}

// Invoke runs c when the invocation before it under this permit is over.
func (s *slot) Invoke(ctx context.Context, c esm.Call) (esm.Response, error) {
	return guarding(c, func(c esm.Call) (esm.Response, error) { return s.traced(ctx, c) })
}

func (s *slot) traced(ctx context.Context, c esm.Call) (esm.Response, error) {
	r, err := s.invoke(ctx, c)
	s.functions.Trace.Emit(trace.Ran{
		Function: s.name, ID: c.ID, Took: r.took,
		Fault: r.Fault, Throttled: errors.Is(err, esm.ErrThrottled), Err: err,
		Provisioned: r.provisioned, Spilled: r.spilled, Cold: r.cold,
	})
	return r.Response, err
}

func (s *slot) invoke(ctx context.Context, c esm.Call) (result, error) {
	if err := s.check(c); err != nil {
		return result{}, err
	}
	where, err := s.functions.runner(s.name)
	if err != nil {
		return result{}, err
	}
	if err := s.occupy(ctx); err != nil {
		return result{}, err
	}
	return where.run(ctx, c, s.free)
}

func (s *slot) check(c esm.Call) error {
	if name, _ := config.SplitQualifier(c.Function); name != s.name {
		return fmt.Errorf("invoker: the permit is for %s, not for %s: %w", s.name, name, esm.ErrRefused)
	}
	if s.released { // set by this goroutine only
		return fmt.Errorf("invoker: %s: the permit was released: %w", s.name, esm.ErrRefused)
	}
	if n := len(c.Payload); n > esm.MaxPayload {
		return fmt.Errorf("invoker: %s: the payload has %d bytes, at most %d are allowed: %w", s.name, n, esm.MaxPayload, esm.ErrTooLarge)
	}
	return nil
}

// occupy waits until nothing is busy under this permit.
func (s *slot) occupy(ctx context.Context) error {
	if ctx.Err() == nil {
		select {
		case s.busy <- struct{}{}:
			s.users.Add(1)
			return nil
		case <-ctx.Done():
		}
	}
	return fmt.Errorf("invoker: %s: %w: %w", s.name, esm.ErrNotRun, context.Cause(ctx))
}

// free ends what was busy under this permit.
func (s *slot) free() {
	<-s.busy
	s.leave()
}

// Release returns the permit once nothing is busy under it any more. It does not wait for that.
func (s *slot) Release() {
	if !s.released {
		s.released = true
		s.leave()
	}
}

func (s *slot) leave() {
	if s.users.Add(-1) == 0 {
		s.functions.Limits.Release(s.name)
	}
}
