// Package queue carries the records of a queue to a function.
//
// A poller takes a permit before it receives, so that nothing is received that cannot be invoked. A poller that finds the
// queue empty gives its permit up and rests. One of the resting pollers is the scout: it polls the queue without a permit.
// When it has a batch it takes a permit for it and passes the scouting on, so that pollers wake one after another while
// there is work. An idle mapping holds no permit.
//
// Messages that a poll returns after the feed was told to stop are released: they can be received again at once.
package queue

import (
	"cmp"
	"context"
	"time"

	"github.com/esm-run/esm"
	"github.com/esm-run/esm/engine"
	"github.com/esm-run/esm/engine/filter"
	"github.com/esm-run/esm/engine/policy"
	"github.com/esm-run/esm/engine/retry"
	"github.com/esm-run/esm/trace"
)

// Feed carries the records of one queue to one function, with as many pollers as policy asks for.
type Feed struct {
	Mapping  string // names the mapping in events
	Function string // as invoked, with or without ":qualifier"

	Queue    esm.Queue
	Invoker  esm.Invoker
	Filter   *filter.Filter // nil passes every record
	Batching policy.Batching
	Pollers  policy.Pollers
	Rules    policy.Queue
	Report   bool // the function reports batch item failures

	// AllowsRecursion reports whether the function may cause itself without end: whether its RecursiveLoop is Allow. It is
	// called concurrently, for every batch, and must not block; nil means that it may not.
	AllowsRecursion func() bool

	// Provisioned means that each policy.ProvisionedLoops of the pollers are one provisioned poller, which receives at
	// most policy.ProvisionedReceives times a second.
	Provisioned bool

	// PollWait is the longest wait of one poll, and so the longest that the feed waits for a poll when it stops; 0 means
	// [esm.MaxWait].
	PollWait time.Duration

	Scale float64    // multiplies the pauses after errors; 0 means 1
	Trace trace.Func // nil discards events
}

var _ engine.Feed = (*Feed)(nil)

// Run implements [engine.Feed]. It reports errors to Trace and tries again.
func (f *Feed) Run(ctx, work context.Context, ready func()) {
	ready()
	s := newSet(f)
	scale := f.Pollers.First()
	s.resize(ctx, work, scale.Target)
	for retry.Sleep(ctx, time.Second) {
		scale = f.Pollers.Next(scale, s.load.take(), time.Now())
		s.resize(ctx, work, scale.Target)
	}
	s.resize(ctx, work, 0)
	s.ended.Wait()
}

func (f *Feed) pollWait() time.Duration { return cmp.Or(f.PollWait, esm.MaxWait) }
