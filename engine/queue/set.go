package queue

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/time/rate"

	"github.com/esm-run/esm"
	"github.com/esm-run/esm/engine/policy"
	"github.com/esm-run/esm/engine/retry"
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

	pollers []*poller // owned by Feed.Run
	ended   sync.WaitGroup
}

func newSet(f *Feed) *set {
	s := &set{feed: f, scouting: make(chan struct{}, 1)}
	s.scouting <- struct{}{}
	return s
}

// resize starts pollers, or retires the youngest, until target run. Retired pollers finish what they have in hand.
func (s *set) resize(ctx, work context.Context, target int) {
	if target == len(s.pollers) {
		return
	}
	for len(s.pollers) < target {
		p := &poller{feed: s.feed, set: s, retired: make(chan struct{}), pace: s.paceOf(len(s.pollers))}
		s.pollers = append(s.pollers, p)
		s.ended.Go(func() { p.run(ctx, work) })
	}
	for len(s.pollers) > target {
		last := len(s.pollers) - 1
		close(s.pollers[last].retired)
		s.pollers = s.pollers[:last]
	}
	s.feed.Trace.Emit(trace.Scaled{Mapping: s.feed.Mapping, Pollers: target})
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

// load counts what the pollers meet between two decisions of the scaler.
type load struct {
	mu      sync.Mutex
	seen    policy.Load
	working int // pollers with a turn
	waiting int // those of them that wait for a permit
}

func (l *load) note(change func(*load)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	change(l)
}

// take returns the counts since the last call.
func (l *load) take() policy.Load {
	l.mu.Lock()
	defer l.mu.Unlock()
	seen := l.seen
	seen.Pollers, seen.Waiting = l.working-l.waiting, l.waiting
	l.seen = policy.Load{}
	return seen
}

// received counts a receive that asked for a number of records and returned n.
func (l *load) received(n, asked int) {
	l.note(func(l *load) {
		l.seen.Receives++
		if n == 0 {
			l.seen.Empty++
		} else if n >= min(asked, esm.MaxReceived) {
			l.seen.Full++
		}
	})
}

// refusals pauses all pollers while the function refuses their batches: each refused batch costs its records a receive.
type refusals struct {
	mu    sync.Mutex
	inRow int
	until time.Time
}

var refusalPauses = policy.Backoff{Base: time.Second, Max: time.Minute}

// count counts a batch; scale multiplies the pause after a refused one.
func (r *refusals) count(refused bool, scale float64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !refused {
		r.inRow, r.until = 0, time.Time{}
		return
	}
	r.inRow++
	r.until = time.Now().Add(retry.Scaled(refusalPauses.Delay(r.inRow), scale))
}

// pause returns how long to wait before the next batch.
func (r *refusals) pause() time.Duration {
	r.mu.Lock()
	defer r.mu.Unlock()
	return time.Until(r.until)
}
