// Package engine runs the loops that carry records from their source to their function and settle them.
//
// It decides nothing: what an answer means, how many pollers run and when a batch is closed is asked of package
// engine/policy, what a filter wants of package engine/filter. It keeps nothing either: a record that was received and
// not deleted comes back by itself.
//
// Everything runs under two contexts. When ctx ends, nothing more is taken in; work lingers a grace period longer, so
// that what is in hand can be finished and settled.
package engine

import (
	"context"
	"sync"
)

// Feed is the work of one mapping.
type Feed interface {
	// Run blocks until ctx has ended and what was in hand by then is settled, or work has ended too. Everything it
	// started has ended when it returns.
	Run(ctx, work context.Context)
}

// Engine runs the feeds of all mappings side by side, each under a name. The zero Engine has none. Feeds may be set and
// removed at any time, also before Run; one that comes or goes touches no other.
type Engine struct {
	mu        sync.Mutex
	ctx, work context.Context // those of Run; nil before it
	ended     bool            // ctx is over: nothing begins any more
	running   map[string]*running
	feeds     sync.WaitGroup
}

// running is a feed at work, or one that is to begin when what ran before under its name has ended.
type running struct {
	feed   Feed
	before <-chan struct{} // over of the one at work until then; nil without one
	began  chan struct{}   // closed when it runs, or never will
	end    context.CancelFunc
	over   chan struct{} // closed when it has ended
	runs   bool          // it has begun; guarded by the engine's mutex
}

// Run blocks until ctx has ended and every feed with it. An engine without feeds waits for ctx all the same: what else
// runs beside it is not to end because no mapping has been made yet. It is called once.
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

// Set makes feed the one that runs under name. If another one does, that is ended, and feed begins when what it had in
// hand is settled: then began is closed. Set does not block.
func (e *Engine) Set(name string, feed Feed) (began <-chan struct{}) {
	e.mu.Lock()
	defer e.mu.Unlock()
	r := &running{feed: feed, before: e.drop(name), began: make(chan struct{}), over: make(chan struct{})}
	if e.ended {
		close(r.began)
		return r.began
	}
	if e.running == nil {
		e.running = map[string]*running{}
	}
	e.running[name] = r
	if e.ctx != nil {
		e.start(r)
	}
	return r.began
}

// Remove ends the feed that runs under name: when what it had in hand is settled, over is closed. Without one it is closed
// already. Remove does not block.
func (e *Engine) Remove(name string) (over <-chan struct{}) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if over := e.drop(name); over != nil {
		return over
	}
	nothing := make(chan struct{})
	close(nothing)
	return nothing
}

// drop takes name's feed out and ends it. Over is that of the feed that has work in hand, which is the one before if name's
// has not begun: then that never does, so that many in a row leave nothing behind. It is nil if there is none.
func (e *Engine) drop(name string) (over <-chan struct{}) {
	r := e.running[name]
	delete(e.running, name)
	switch {
	case r == nil:
		return nil
	case r.end == nil:
		close(r.began)
		return nil
	}
	r.end()
	if r.runs {
		return r.over
	}
	return r.before
}

// start begins r as soon as what ran before has ended, unless r is dropped until then.
func (e *Engine) start(r *running) {
	ctx, cancel := context.WithCancel(e.ctx)
	r.end = cancel
	e.feeds.Go(func() {
		defer cancel()
		defer close(r.over)
		if r.before != nil {
			select {
			case <-r.before:
			case <-ctx.Done():
			}
		}
		if e.begins(ctx, r) {
			r.feed.Run(ctx, e.work)
		}
	})
}

// begins says whether r runs from now on: not if ctx, its own, has ended.
func (e *Engine) begins(ctx context.Context, r *running) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	defer close(r.began)
	r.runs = ctx.Err() == nil
	return r.runs
}
