package queue

import (
	"context"
	"sync"
	"sync/atomic"

	"golang.org/x/time/rate"

	"github.com/esm-run/esm/engine/policy"
	"github.com/esm-run/esm/trace"
)

// set is the running pollers of a Feed.
type set struct {
	feed     *Feed
	scouting chan struct{} // holds one token; the poller that has taken it is the scout
	load     load
	refusals refusals
	returns  returns
	slowed   atomic.Bool // polling is slowed down, and Trace knows

	pollers []*poller    // without those that are retired; owned by Feed.Run
	running atomic.Int64 // goroutines of pollers, those that are retired among them
	ended   sync.WaitGroup
}

func newSet(f *Feed) *set {
	s := &set{feed: f, scouting: make(chan struct{}, 1)}
	s.scouting <- struct{}{}
	return s
}

// resize starts pollers, or retires the youngest, until target run. Retired pollers finish what they have in hand, and count
// until then; a later call starts those that are missing.
func (s *set) resize(ctx, work context.Context, target int) {
	before := len(s.pollers)
	for len(s.pollers) < target && int(s.running.Load()) < target {
		p := &poller{feed: s.feed, set: s, retired: make(chan struct{}), pace: s.paceOf(len(s.pollers))}
		s.pollers = append(s.pollers, p)
		s.running.Add(1)
		s.ended.Go(func() {
			defer s.running.Add(-1)
			p.run(ctx, work)
		})
	}
	for len(s.pollers) > target {
		last := len(s.pollers) - 1
		close(s.pollers[last].retired)
		s.pollers = s.pollers[:last]
	}
	if len(s.pollers) != before {
		s.feed.Trace.Emit(trace.Scaled{Mapping: s.feed.Mapping, Pollers: len(s.pollers)})
	}
}

// paceOf returns the limit on receives that the nth poller shares with the rest of its provisioned poller; nil is no limit.
func (s *set) paceOf(n int) *rate.Limiter {
	if !s.feed.Provisioned {
		return nil
	}
	if n%policy.ProvisionedLoops != 0 {
		return s.pollers[n-1].pace
	}
	return rate.NewLimiter(policy.ProvisionedReceives, policy.ProvisionedReceives)
}
