package main

import (
	"context"
	"errors"
	"time"

	"github.com/esm-run/esm"
	"github.com/esm-run/esm/cmd/esm/wiring"
	"github.com/esm-run/esm/config"
	"github.com/esm-run/esm/mappings"
	"github.com/esm-run/esm/trace"
)

// register opens the register of all mappings, which runs those that are enabled, and warns about mappings of the file that are
// not as the file says.
func (r *run) register(ctx context.Context, p *wiring.Parts, runs *runner) (*mappings.Register, error) {
	register, notes, err := mappings.Open(ctx, mappings.Config{
		File:                 r.file.Mappings,
		Store:                p.Store,
		Runner:               runs,
		Check:                (&wiring.Checker{Feeds: p.Feeds, Warn: r.log.Warn}).Check,
		Forget:               func(ctx context.Context, uuid string) error { return r.forget(ctx, p, uuid) },
		FunctionArn:          func(m config.Mapping) string { return wiring.FunctionARN(r.file, m) },
		LastProcessingResult: r.monitor.LastProcessingResult,
		Retrying: func(m config.Mapping, err error) {
			if !errors.Is(err, context.Canceled) {
				r.log.Warn("mapping %s: %v; trying again", m.UUID, err)
			}
		},
		Now: time.Now,
	})
	for _, n := range notes {
		r.log.Warn("the mapping %s (%s → %s) %s", n.Mapping.UUID, n.Mapping.EventSourceArn, n.Mapping.FunctionName, n.Text)
	}
	if err != nil {
		return nil, err
	}
	for _, m := range r.file.Mappings {
		if _, err := register.Get(m.UUID); err != nil { // deleted over HTTP
			runs.observers.remove(m.UUID)
		}
	}
	for _, m := range register.List() {
		if m.State == mappings.Disabled { // nothing else reports it
			runs.observers.set(m.Mapping)
			r.trace.Emit(trace.State{Mapping: m.UUID, State: mappings.Disabled})
		}
	}
	return register, nil
}

// forget removes everything that is known of a deleted mapping.
func (r *run) forget(ctx context.Context, p *wiring.Parts, uuid string) error {
	observers{r.monitor, r.log}.remove(uuid)
	kept, err := p.Store.All(ctx, uuid)
	if err != nil {
		return err
	}
	var keys []esm.Key
	for shard := range kept {
		keys = append(keys, esm.Key{Mapping: uuid, Shard: shard})
	}
	return p.Store.Forget(ctx, keys...)
}
