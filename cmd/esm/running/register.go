package running

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
func (s *System) register(ctx context.Context, p *wiring.Parts, runs *runner) (*mappings.Register, error) {
	register, notes, err := mappings.Open(ctx, mappings.Config{
		File:                 s.File.Mappings,
		Store:                p.Store,
		Runner:               runs,
		Check:                (&wiring.Checker{Feeds: p.Feeds, Warn: s.Log.Warn}).Check,
		Forget:               func(ctx context.Context, uuid string) error { return s.forget(ctx, p, uuid) },
		FunctionArn:          func(m config.Mapping) string { return wiring.FunctionARN(s.File, m) },
		LastProcessingResult: s.observers.monitor.LastProcessingResult,
		Retrying: func(m config.Mapping, err error) {
			if !errors.Is(err, context.Canceled) {
				s.Log.Warn("mapping %s: %v; trying again", m.UUID, err)
			}
		},
		Now: time.Now,
	})
	for _, n := range notes {
		s.Log.Warn("the mapping %s (%s → %s) %s", n.Mapping.UUID, n.Mapping.EventSourceArn, n.Mapping.FunctionName, n.Text)
	}
	if err != nil {
		return nil, err
	}
	for _, m := range s.File.Mappings {
		if _, err := register.Get(m.UUID); err != nil { // deleted over HTTP
			s.observers.remove(m.UUID)
		}
	}
	for _, m := range register.List() {
		if m.State == mappings.Disabled { // nothing else reports it
			s.observers.set(m.Mapping)
			s.trace.Emit(trace.State{Mapping: m.UUID, State: mappings.Disabled})
		}
	}
	return register, nil
}

// forget removes everything that is known of a deleted mapping.
func (s *System) forget(ctx context.Context, p *wiring.Parts, uuid string) error {
	s.observers.remove(uuid)
	return esm.ForgetMapping(ctx, p.Store, uuid)
}
