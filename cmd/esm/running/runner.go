package running

import (
	"context"
	"sync"

	"github.com/esm-run/esm/cmd/esm/logging"
	"github.com/esm-run/esm/cmd/esm/observe"
	"github.com/esm-run/esm/cmd/esm/wiring"
	"github.com/esm-run/esm/config"
	"github.com/esm-run/esm/engine"
	"github.com/esm-run/esm/mappings"
	"github.com/esm-run/esm/trace"
)

// runner runs mappings in the engine, and keeps the observers informed about them.
type runner struct {
	ctx       context.Context // of making feeds
	feeds     *wiring.Feeds
	engine    *engine.Engine
	observers observers
	started   func(context.Context, config.Mapping) // called for each mapping that runs, until ctx ends; does not block

	stopping sync.WaitGroup // mappings that are being stopped
}

var _ mappings.Runner = (*runner)(nil)

// Run implements [mappings.Runner].
func (r *runner) Run(m config.Mapping) (ready <-chan struct{}, err error) {
	feed, err := r.feeds.Feed(r.ctx, m)
	if err != nil {
		return nil, err
	}
	return r.engine.Set(m.UUID, observedFeed{feed, r, m}), nil
}

// Stop implements [mappings.Runner].
func (r *runner) Stop(uuid string) (settled <-chan struct{}) {
	removed, reported := r.engine.Remove(uuid), make(chan struct{})
	r.stopping.Go(func() {
		defer close(reported)
		<-removed
		r.feeds.Trace.Emit(trace.State{Mapping: uuid, State: mappings.Disabled})
	})
	return reported
}

// observedFeed is a feed whose mapping the observers know from the moment that it runs: until its predecessor has settled its
// last batch, they show that one.
type observedFeed struct {
	engine.Feed
	runner  *runner
	mapping config.Mapping
}

// Run implements [engine.Feed].
func (f observedFeed) Run(ctx, work context.Context, ready func()) {
	f.runner.observers.set(f.mapping)
	f.runner.started(ctx, f.mapping)
	f.Feed.Run(ctx, work, func() {
		f.runner.feeds.Trace.Emit(trace.State{Mapping: f.mapping.UUID, State: mappings.Enabled})
		ready()
	})
}

// observers show what mappings do. Lines about a mapping are formatted before its description changes.
type observers struct {
	monitor *observe.Monitor
	log     *logging.Log
}

func (o observers) set(m config.Mapping) {
	o.log.Flush()
	o.monitor.Set(observe.Describe(m))
}

func (o observers) remove(uuid string) {
	o.log.Flush()
	o.monitor.Remove(uuid)
}
