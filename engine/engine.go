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

// Engine runs the feeds of all mappings side by side.
type Engine struct {
	Feeds []Feed
}

// Run blocks until ctx has ended and every feed with it. An engine without feeds waits for ctx all the same: what else
// runs beside it is not to end because no mapping has been made yet.
func (e *Engine) Run(ctx, work context.Context) {
	var feeds sync.WaitGroup
	for _, feed := range e.Feeds {
		feeds.Go(func() { feed.Run(ctx, work) })
	}
	<-ctx.Done()
	feeds.Wait()
}
