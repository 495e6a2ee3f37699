package main

import (
	"context"
	"sync"

	"github.com/esm-run/esm/cmd/esm/wiring"

	"github.com/esm-run/esm/cmd/esm/observe"
	"github.com/esm-run/esm/config"
	"github.com/esm-run/esm/engine"
	"github.com/esm-run/esm/mappings"
	"github.com/esm-run/esm/trace"
)

// runner has the engine run mappings, and lets those who look at them know.
type runner struct {
	ctx     context.Context // of making feeds
	feeds   *wiring.Feeds
	engine  *engine.Engine
	sights  sights
	started func(context.Context, config.Mapping) // is told of each mapping that runs, until ctx ends; it does not block

	ending sync.WaitGroup // of what was stopped
}

var _ mappings.Runner = (*runner)(nil)

// Run is [mappings.Runner].Run.
func (r *runner) Run(m config.Mapping) (began <-chan struct{}, err error) {
	feed, err := r.feeds.Feed(r.ctx, m)
	if err != nil {
		return nil, err
	}
	return r.engine.Set(m.UUID, watched{feed, r, m}), nil
}

// Stop is [mappings.Runner].Stop.
func (r *runner) Stop(uuid string) (over <-chan struct{}) {
	settled, told := r.engine.Remove(uuid), make(chan struct{})
	r.ending.Go(func() {
		defer close(told)
		<-settled
		r.feeds.Trace.Emit(trace.State{Mapping: uuid, State: mappings.Disabled})
	})
	return told
}

// watched is the feed of a mapping that is shown from when it begins: what ran before is shown as what it was until its last
// batch is settled.
type watched struct {
	engine.Feed
	runner  *runner
	mapping config.Mapping
}

// Run implements [engine.Feed].
func (w watched) Run(ctx, work context.Context, ready func()) {
	w.runner.sights.set(w.mapping)
	w.runner.started(ctx, w.mapping)
	w.Feed.Run(ctx, work, func() {
		w.runner.feeds.Trace.Emit(trace.State{Mapping: w.mapping.UUID, State: mappings.Enabled})
		ready()
	})
}

// sights are those who look at mappings and show what they do.
type sights struct {
	roster  *observe.Roster
	board   *observe.Board
	metrics *observe.Metrics
}

func (s sights) set(m config.Mapping) {
	seen := seenAs(m)
	s.roster.Set(seen)
	s.board.Set(seen)
	s.metrics.Set(seen)
}

func (s sights) remove(uuid string) {
	s.roster.Remove(uuid)
	s.board.Remove(uuid)
	s.metrics.Remove(uuid)
}
