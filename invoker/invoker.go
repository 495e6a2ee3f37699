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

// Functions is the [esm.Invoker] of all functions, here and elsewhere, under their limits. Limits is set before the
// first use. Functions may come and go at any time.
type Functions struct {
	Limits *Limits
	Trace  trace.Func // told Ran

	mu      sync.RWMutex
	runners map[string]runner
}

var _ esm.Invoker = (*Functions)(nil)

// Backend runs a function that lives elsewhere. Invoke is as in [esm.Invoker]; a permit is held until it returns.
type Backend interface {
	Invoke(ctx context.Context, c esm.Call) (esm.Response, error)
}

// runner is where a function runs.
type runner interface {
	// run returns as soon as there is an answer; took does not include the wait for an environment. free is called
	// once, when nothing is busy with the call any more: perhaps before run returns, perhaps later.
	run(ctx context.Context, c esm.Call, free func()) (resp esm.Response, took time.Duration, err error)

	// drains reports whether a call that has its answer is about to be free.
	drains() bool
}

type remote struct{ Backend }

func (r remote) run(ctx context.Context, c esm.Call, free func()) (esm.Response, time.Duration, error) {
	defer free()
	began := time.Now()
	resp, err := r.Invoke(ctx, c)
	return resp, time.Since(began), err
}

func (remote) drains() bool { return false }

// SetLocal lets p run its function from now on, under the function's reservation. Close closes p. If another pool ran
// it, that one is returned for the caller to close: it may still be busy.
func (f *Functions) SetLocal(p *Pool) (before *Pool) {
	return f.set(p.Function, p)
}

// SetRemote is [Functions.SetLocal] for a function that runs in b.
func (f *Functions) SetRemote(fn config.Function, b Backend) (before *Pool) {
	return f.set(fn, remote{b})
}

func (f *Functions) set(fn config.Function, r runner) *Pool {
	f.Limits.Set(fn.Name, fn.ReservedConcurrentExecutions)
	f.mu.Lock()
	defer f.mu.Unlock()
	before, _ := f.runners[fn.Name].(*Pool)
	if f.runners == nil {
		f.runners = map[string]runner{}
	}
	f.runners[fn.Name] = r
	return before
}

// Remove forgets function. Its pool, if it had one, is returned for the caller to close.
func (f *Functions) Remove(function string) (before *Pool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	before, _ = f.runners[function].(*Pool)
	delete(f.runners, function)
	return before
}

// Close closes all pools, side by side, as [Pool.Close] does.
func (f *Functions) Close(ctx context.Context) {
	var closing sync.WaitGroup
	defer closing.Wait()
	f.mu.RLock()
	defer f.mu.RUnlock()
	for _, r := range f.runners {
		if p, local := r.(*Pool); local {
			closing.Go(func() { p.Close(ctx) })
		}
	}
}

// Invoke runs c once, or answers a [Throttled] when no permit is free. When one is about to be, because an environment
// of the same function has answered, it waits for that for a few milliseconds: the one caller of a function with one
// permit must not be in its own way.
func (f *Functions) Invoke(ctx context.Context, c esm.Call) (esm.Response, error) {
	name, _ := config.SplitQualifier(c.Function)
	r, err := f.runner(name)
	if err != nil {
		return esm.Response{}, err
	}
	if err := f.permit(ctx, name, r); err != nil {
		f.Trace.Emit(trace.Ran{Function: name, ID: c.ID, Throttled: errors.Is(err, esm.ErrThrottled), Err: err})
		return esm.Response{}, err
	}
	s := &slot{functions: f, name: name}
	defer s.Release()
	return s.Invoke(ctx, c)
}

// Reserve waits for a permit until ctx ends, and answers the cause of that end.
func (f *Functions) Reserve(ctx context.Context, function string) (esm.Slot, error) {
	name, _ := config.SplitQualifier(function)
	if _, err := f.runner(name); err != nil {
		return nil, err
	}
	if err := f.Limits.Wait(ctx, name); err != nil {
		return nil, fmt.Errorf("invoker: reserve %s: %w", name, err)
	}
	return &slot{functions: f, name: name}, nil
}

func (f *Functions) permit(ctx context.Context, name string, r runner) error {
	throttled := f.Limits.Try(name)
	if throttled == nil || !r.drains() {
		return throttled
	}
	grace, cancel := context.WithTimeout(ctx, drainGrace)
	defer cancel()
	if f.Limits.Wait(grace, name) != nil {
		return throttled
	}
	return nil
}

func (f *Functions) runner(name string) (runner, error) {
	f.mu.RLock()
	defer f.mu.RUnlock()
	if r := f.runners[name]; r != nil {
		return r, nil
	}
	return nil, fmt.Errorf("invoker: there is no function %q, add it under Functions: %w", name, esm.ErrRefused)
}
