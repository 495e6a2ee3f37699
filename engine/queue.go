package engine

import (
	"context"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"github.com/esm-run/esm"
	"github.com/esm-run/esm/engine/filter"
	"github.com/esm-run/esm/engine/policy"
	"github.com/esm-run/esm/trace"
)

// QueueFeed carries the records of one queue to one function, with as many pollers as policy asks for.
//
// A poller takes a permit before it receives, so that nothing is received that cannot be invoked. A poller that finds
// nothing gives its permit up and rests. One of those that rest is the scout: it waits at the queue without a permit,
// as long as one could be had; when it has a batch it takes its permit and passes the scouting on, so that pollers wake
// one after the other while there is work. An idle mapping holds no permit.
type QueueFeed struct {
	Mapping  string // names the mapping in events
	Function string // as invoked, with or without ":qualifier"

	Queue    esm.Queue
	Invoker  esm.Invoker
	Filter   *filter.Filter // nil lets everything pass
	Batching policy.Batching
	Pollers  policy.Pollers
	Rules    policy.Queue
	Report   bool // the function reports batch item failures

	// Provisioned says that every policy.ProvisionedLoops of the Pollers are one provisioned poller, which makes at
	// most policy.ProvisionedReceives receives a second.
	Provisioned bool

	Scale float64    // multiplies the pauses after errors; 0 means 1
	Trace trace.Func // nil is told nothing
}

var _ Feed = (*QueueFeed)(nil)

// crew is a QueueFeed at work.
type crew struct {
	*QueueFeed
	scouting chan struct{} // holds one token; who takes it is the scout
	load     load
	refusals refusals
	pollers  []*poller // Owned by Run.
	ended    sync.WaitGroup
}

// Run implements [Feed]. It never fails: what goes wrong is told to the Trace and tried again.
func (f *QueueFeed) Run(ctx, work context.Context) {
	c := &crew{QueueFeed: f, scouting: make(chan struct{}, 1)}
	c.scouting <- struct{}{}
	scale := f.Pollers.First()
	c.resize(ctx, work, scale.Target)

	second := time.NewTicker(time.Second)
	defer second.Stop()
	for ctx.Err() == nil {
		select {
		case <-second.C:
			scale = f.Pollers.Next(scale, c.load.take(), time.Now())
			c.resize(ctx, work, scale.Target)
		case <-ctx.Done():
		}
	}
	c.resize(ctx, work, 0)
	c.ended.Wait()
}

// resize starts pollers or lets the youngest retire until target run. Those that retire finish what they have in hand.
func (c *crew) resize(ctx, work context.Context, target int) {
	if target == len(c.pollers) {
		return
	}
	for len(c.pollers) < target {
		p := &poller{crew: c, retired: make(chan struct{}), pace: c.paceOf(len(c.pollers))}
		c.pollers = append(c.pollers, p)
		c.ended.Go(func() { p.run(ctx, work) })
	}
	for len(c.pollers) > target {
		last := len(c.pollers) - 1
		close(c.pollers[last].retired)
		c.pollers = c.pollers[:last]
	}
	c.Trace.Emit(trace.Scaled{Mapping: c.Mapping, Pollers: target})
}

// paceOf returns the limit on receives that the nth poller shares with the others of the same provisioned poller; nil is
// no limit.
func (c *crew) paceOf(n int) *rate.Limiter {
	if !c.Provisioned {
		return nil
	}
	if n%policy.ProvisionedLoops != 0 {
		return c.pollers[n-1].pace
	}
	return rate.NewLimiter(policy.ProvisionedReceives, policy.ProvisionedReceives)
}

// load gathers what the pollers meet between two looks of the scaler.
type load struct {
	mu      sync.Mutex
	seen    policy.Load
	working int // pollers with a turn
	waiting int // of them, those that wait for a permit
}

func (l *load) note(change func(*load)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	change(l)
}

func (l *load) take() policy.Load {
	l.mu.Lock()
	defer l.mu.Unlock()
	seen := l.seen
	seen.Pollers, seen.Waiting = l.working-l.waiting, l.waiting
	l.seen = policy.Load{}
	return seen
}

// received notes a receive of n records by a poller that asked for so many.
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

// refusals pauses the whole crew while the function refuses its batches: each of them costs its records a receive.
type refusals struct {
	mu    sync.Mutex
	inRow int
	until time.Time
}

var refusalPauses = policy.Backoff{Base: time.Second, Max: time.Minute}

// count notes whether a batch was refused; scale multiplies the pause that follows.
func (r *refusals) count(refused bool, scale float64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !refused {
		r.inRow, r.until = 0, time.Time{}
		return
	}
	r.inRow++
	r.until = time.Now().Add(scaled(refusalPauses.Delay(r.inRow), scale))
}

// pause is how long to wait before the next batch.
func (r *refusals) pause() time.Duration {
	r.mu.Lock()
	defer r.mu.Unlock()
	return time.Until(r.until)
}
