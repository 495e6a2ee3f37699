// Package engine runs the feeds of event source mappings. A feed carries records from their source to their function and
// settles them: package engine/queue has the feed of a queue, engine/stream that of a stream.
//
// The feeds contain no rules. Package engine/policy decides what a response means, how many pollers run and when a batch
// is closed; package engine/filter decides which records a mapping wants.
//
// Everything runs under two contexts. When ctx ends, nothing more is taken in. Work ends a grace period later: until then,
// what is in hand is finished and settled.
package engine

import (
	"context"
	"sync"
)

// Feed is the work of one mapping.
type Feed interface {
	// Run blocks until ctx has ended and what was in hand by then is settled, or work has ended too. Everything it
	// started has ended when it returns.
	//
	// Run calls ready as soon as no record that arrives from then on can be missed: at once for a queue, and for a stream
	// when the positions from which it is read are durable. Calls after the first have no effect.
	Run(ctx, work context.Context, ready func())
}

// Engine runs feeds concurrently, each under a name. The zero Engine has none. Feeds may be set and removed at any time,
// also before Run; one that comes or goes does not affect the others.
type Engine struct {
	mu        sync.Mutex
	ctx, work context.Context // those of Run; nil before it
	ended     bool            // ctx has ended: nothing starts any more
	running   map[string]*runningFeed
	feeds     sync.WaitGroup
}

// runningFeed is a feed that runs, or that waits for its predecessor under the same name to settle.
type runningFeed struct {
	feed        Feed
	predecessor <-chan struct{} // its settled; nil without a predecessor
	ready       chan struct{}   // closed when the feed is ready, or never will be
	markReady   func()          // closes ready, once
	end         context.CancelFunc
	settled     chan struct{} // closed when the feed has ended, and with it everything that it had in hand
	started     bool          // guarded by the engine's mutex
}

// Run blocks until ctx has ended and every feed with it. It waits for ctx even without feeds. It is called once.
func (e *Engine) Run(ctx, work context.Context) {
	e.begin(ctx, work)
	<-ctx.Done()
	e.mu.Lock()
	e.ended = true
	e.mu.Unlock()
	e.feeds.Wait()
}

func (e *Engine) begin(ctx, work context.Context) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.ctx, e.work = ctx, work
	for _, r := range e.running {
		e.start(r)
	}
}

// Set runs feed under name. A feed that runs under that name already is ended, and the new one starts when everything that
// the old one had in hand is settled. Ready is closed when the new feed is ready, or when it has ended without that. Set
// does not block.
func (e *Engine) Set(name string, feed Feed) (ready <-chan struct{}) {
	e.mu.Lock()
	defer e.mu.Unlock()
	r := &runningFeed{feed: feed, predecessor: e.drop(name), ready: make(chan struct{}), settled: make(chan struct{})}
	r.markReady = sync.OnceFunc(func() { close(r.ready) })
	if e.ended {
		r.markReady()
		return r.ready
	}
	if e.running == nil {
		e.running = map[string]*runningFeed{}
	}
	e.running[name] = r
	if e.ctx != nil {
		e.start(r)
	}
	return r.ready
}

// Remove ends the feed that runs under name. Settled is closed when everything that it had in hand is settled, and at once
// if there is no such feed. Remove does not block.
func (e *Engine) Remove(name string) (settled <-chan struct{}) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if settled := e.drop(name); settled != nil {
		return settled
	}
	nothing := make(chan struct{})
	close(nothing)
	return nothing
}

// drop removes and ends the feed under name. Settled is that of the feed which may still have work in hand; it is nil if
// there is none. A feed that has not started has none and never will: then its predecessor's is returned, and many changes
// in a row leave nothing behind.
func (e *Engine) drop(name string) (settled <-chan struct{}) {
	r := e.running[name]
	delete(e.running, name)
	switch {
	case r == nil:
		return nil
	case r.end == nil: // Run was not called yet
		r.markReady()
		return nil
	}
	r.end()
	if r.started {
		return r.settled
	}
	return r.predecessor
}

// start runs r as soon as its predecessor has settled, unless r is dropped before that.
func (e *Engine) start(r *runningFeed) {
	ctx, cancel := context.WithCancel(e.ctx)
	r.end = cancel
	e.feeds.Go(func() {
		defer cancel()
		defer close(r.settled)
		defer r.markReady()
		if r.predecessor != nil {
			select {
			case <-r.predecessor:
			case <-ctx.Done():
			}
		}
		if e.starts(ctx, r) {
			r.feed.Run(ctx, e.work, r.markReady)
		}
	})
}

// starts reports whether r starts now: not if ctx, its own, has ended.
func (e *Engine) starts(ctx context.Context, r *runningFeed) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	r.started = ctx.Err() == nil
	return r.started
}
