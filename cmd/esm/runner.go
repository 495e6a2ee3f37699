package main

import (
	"context"

	"github.com/esm-run/esm"
	"github.com/esm-run/esm/cmd/esm/observe"
	"github.com/esm-run/esm/engine"
	"github.com/esm-run/esm/mappings"
)

// runner has the engine run mappings, and lets those who look at them know.
type runner struct {
	ctx     context.Context // of making feeds
	feeds   *feeds
	engine  *engine.Engine
	sights  sights
	started func(esm.Mapping) // is told of each mapping that runs; it does not block
}

var _ mappings.Runner = (*runner)(nil)

// Run is [mappings.Runner].Run.
func (r *runner) Run(m esm.Mapping) (began <-chan struct{}, err error) {
	feed, err := r.feeds.of(r.ctx, m)
	if err != nil {
		return nil, err
	}
	r.sights.set(m)
	r.feeds.trace.Tell(esm.State{Mapping: m.UUID, State: esm.Enabled})
	began = r.engine.Set(m.UUID, feed)
	r.started(m)
	return began, nil
}

// Stop is [mappings.Runner].Stop.
func (r *runner) Stop(uuid string) (over <-chan struct{}) {
	over = r.engine.Remove(uuid)
	r.feeds.trace.Tell(esm.State{Mapping: uuid, State: esm.Disabled})
	return over
}

// sights are those who look at mappings and show what they do.
type sights struct {
	roster  *observe.Roster
	board   *observe.Board
	metrics *observe.Metrics
}

func (s sights) set(m esm.Mapping) {
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
