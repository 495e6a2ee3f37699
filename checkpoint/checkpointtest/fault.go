package checkpointtest

import (
	"context"
	"sync"
)

// Fault is how one call fails. The zero Fault is a call that succeeds.
type Fault struct {
	Err  error // returned by the call
	Done bool  // the call takes effect all the same, as when a process dies between its commit and its answer
}

// Undone fails a call that has no effect.
func Undone(err error) Fault { return Fault{Err: err} }

// Done fails a call that takes effect.
func Done(err error) Fault { return Fault{Err: err, Done: true} }

// Faults returns the fault of each call of a method, counted from 1. It may be called concurrently, and may wait.
type Faults func(call int) Fault

// InTurn fails the first calls, each in its own way.
func InTurn(faults ...Fault) Faults {
	return func(call int) Fault {
		if call > len(faults) {
			return Fault{}
		}
		return faults[call-1]
	}
}

// Always fails every call in the same way.
func Always(f Fault) Faults {
	return func(int) Fault { return f }
}

// calls runs the calls of a store in memory one at a time, each with its fault.
type calls struct {
	mu     sync.Mutex
	counts map[string]int // by method
}

// run runs do under the lock, with the fault of this call of a method.
func (c *calls) run(ctx context.Context, method string, faults Faults, do func() error) error {
	var fault Fault
	if faults != nil {
		fault = faults(c.count(method)) // without the lock: faults may wait, or call the store
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	if fault.Err != nil && !fault.Done {
		return fault.Err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := do(); err != nil {
		return err
	}
	return fault.Err
}

func (c *calls) count(method string) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.counts == nil {
		c.counts = map[string]int{}
	}
	c.counts[method]++
	return c.counts[method]
}
