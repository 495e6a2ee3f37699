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

// Functions is the [esm.Invoker] of all functions, local and remote, under their limits. Its fields are set before the
// first use. Functions may be set and removed at any time.
type Functions struct {
	Limits *Limits
	Trace  trace.Func // receives Ran

	mu       sync.RWMutex
	runners  map[string]runner
	spares   bool // StartSpares was called
	stopping bool // StopStarting was called
}

var _ esm.Invoker = (*Functions)(nil)

// Backend runs a remote function. Invoke is as in [esm.Invoker]; a permit is held until it returns.
type Backend interface {
	Invoke(ctx context.Context, c esm.Call) (esm.Response, error)
}

// runner is where a function runs.
type runner interface {
	// run runs c and returns as soon as there is an answer. free is called once, before or after run returns, when nothing
	// is busy with c any more.
	run(ctx context.Context, c esm.Call, free func()) (result, error)

	// drains reports whether a call that has its answer is about to be free.
	drains() bool
}

// result is how an invocation went.
type result struct {
	esm.Response
	took time.Duration // without the wait for an environment

	provisioned, spilled, cold bool // as in trace.Ran
}

type remote struct{ Backend }

func (r remote) run(ctx context.Context, c esm.Call, free func()) (result, error) {
	defer free()
	began := time.Now()
	resp, err := r.Invoke(ctx, c)
	return result{Response: resp, took: time.Since(began)}, err
}

func (remote) drains() bool { return false }

// SetLocal makes p run its function from now on, under the function's reservation and without provisioned concurrency, for
// which Provision is to be called. Close closes p. The pool that ran the function before, if any, is returned for the caller
// to close: it may still be busy.
func (f *Functions) SetLocal(p *Pool) (before *Pool) {
	return f.set(p.Function, p)
}

// SetRemote is [Functions.SetLocal] for a function that runs in b.
func (f *Functions) SetRemote(fn config.Function, b Backend) (before *Pool) {
	return f.set(fn, remote{b})
}

func (f *Functions) set(fn config.Function, r runner) *Pool {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.Limits.Set(fn.Name, fn.ReservedConcurrentExecutions)
	f.Limits.Provision(fn.Name, 0)
	before, _ := f.runners[fn.Name].(*Pool)
	if f.runners == nil {
		f.runners = map[string]runner{}
	}
	f.runners[fn.Name] = r
	if p, local := r.(*Pool); local {
		p.most = func() int { return f.Limits.Most(fn.Name) }
		switch {
		case f.stopping:
			p.StopStarting()
		case f.spares:
			p.startSpares()
		}
	}
	return before
}

// StartSpares starts the spare environments of all functions, of those too that are set later. Before it is called, a
// function has spares from its first invocation on. It does not wait for them.
func (f *Functions) StartSpares() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.spares = true
	for _, r := range f.runners {
		if p, local := r.(*Pool); local {
			p.startSpares()
		}
	}
}

// Remove removes function. Its pool, if it had one, is returned for the caller to close.
func (f *Functions) Remove(function string) (before *Pool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.Limits.Provision(function, 0)
	before, _ = f.runners[function].(*Pool)
	delete(f.runners, function)
	return before
}

// StopStarting begins a shutdown: from now on no environment is started, and an invocation that would wait for an
// environment or a permit returns an [esm.ErrNotRun] at once. Invocations that run go on, and others run while there are
// permits and environments for them. It does not block; Close follows.
func (f *Functions) StopStarting() {
	f.Limits.StopWaiting()
	f.mu.Lock()
	defer f.mu.Unlock()
	f.stopping = true
	for _, r := range f.runners {
		if p, local := r.(*Pool); local {
			p.StopStarting()
		}
	}
}

// Close closes all pools concurrently, as [Pool.Close] does.
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

// Invoke runs c once, or returns a [Throttled] if no permit is free. In two cases Invoke waits ten milliseconds for one. If
// an environment of the same function has answered, one is about to be free: otherwise the only caller of a function with
// one permit would be throttled by its own last call. If others wait for permits with Reserve, none would ever be free: so
// Invoke is served in turn with them.
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
	return guarding(c, func(c esm.Call) (esm.Response, error) {
		s := f.slot(name)
		defer s.Release() // also while a slow receiver of the response holds up the caller
		return s.traced(ctx, c)
	})
}

// Reserve waits for a permit, as [Limits.Wait] does.
func (f *Functions) Reserve(ctx context.Context, function string) (esm.Slot, error) {
	name, _ := config.SplitQualifier(function)
	if _, err := f.runner(name); err != nil {
		return nil, err
	}
	if err := f.Limits.Wait(ctx, name); err != nil {
		return nil, fmt.Errorf("invoker: reserve %s: %w", name, err)
	}
	return f.slot(name), nil
}

func (f *Functions) permit(ctx context.Context, name string, r runner) error {
	throttled := f.Limits.Try(name)
	if throttled == nil || !r.drains() && !f.Limits.contended(name) {
		return throttled
	}
	grace, cancel := context.WithTimeout(ctx, drainGrace)
	defer cancel()
	if f.Limits.wait(grace, name, brief) != nil {
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
