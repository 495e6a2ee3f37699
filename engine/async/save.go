package async

import (
	"context"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/esm-run/esm"
	"github.com/esm-run/esm/engine/policy"
	"github.com/esm-run/esm/engine/retry"
	"github.com/esm-run/esm/trace"
)

// settle reports and saves steps without a try that runs, in a goroutine of its own. Several steps all wait.
func (d *dispatcher) settle(started *sync.WaitGroup, began time.Time, steps ...policy.EventStep) {
	if len(steps) == 0 {
		return
	}
	for _, s := range steps {
		d.emit(s, began, false)
	}
	size := 0
	for _, s := range steps {
		size += max(len(s.Event.Payload), minSaving)
	}
	end := d.r.beginSaving(size)
	started.Go(func() {
		defer end()
		d.save(steps...)
	})
}

// beginSaving waits until results of this size may be saved. The caller calls end when they are.
func (r *running) beginSaving(size int) (end func()) {
	n := int64(min(max(size, minSaving), maxSaving))
	_ = r.saving.Acquire(context.Background(), n) // what is being saved ends with work
	return func() { r.saving.Release(n) }
}

// save makes steps durable, and reports that: the events wait, or one has ended and owes notices. It repeats what fails until
// work ends. Then the events stay taken, and are tried again after the next start.
func (d *dispatcher) save(steps ...policy.EventStep) {
	if steps[0].Condition != "" {
		d.finish(steps[0])
		return
	}
	var events []esm.Event
	for _, s := range steps {
		events = append(events, s.Event)
	}
	if d.put(d.r.work, events) {
		for _, s := range steps {
			d.feed.Trace.Emit(trace.EventWaiting{Function: s.Event.Function, ID: s.Event.ID, Why: s.Reason, Until: s.Event.Due})
		}
	}
	d.settled(len(events), true)
}

// finish ends the event of a step. The IDs of its notices are made once, so that a repeated call stores the same notices.
func (d *dispatcher) finish(s policy.EventStep) {
	e, now := s.Event, time.Now()
	owed := d.feed.rules(e.Function).Ends(s, now)
	for i := range owed {
		owed[i].Notice.ID = uuid.NewString()
	}
	d.r.outbox.announce(owed...)
	work := d.r.work
	finished := d.feed.repeat(work, d.function, func() error { return d.feed.Events.Finish(work, e.Place, owed...) })
	if finished {
		ended := trace.EventEnded{
			Function: e.Function, ID: e.ID, Condition: s.Condition, Tries: e.Tries, Age: policy.Age(e, now), Owed: len(owed),
		}
		if s.Condition != esm.Success && e.Last != nil {
			ended.Error = e.Last.Error
		}
		d.feed.Trace.Emit(ended)
		d.r.outbox.offer(owed...)
	}
	d.settled(1, false)
}

// giveBack returns events whose try was not begun, as they were when they were taken. It tries once: an event that stays
// taken is tried again after the next start.
func (d *dispatcher) giveBack(events []esm.Event) {
	if len(events) == 0 {
		return
	}
	_ = d.feed.Events.Return(d.r.work, events...)
	d.settled(len(events), false)
}

// change is a change of the store that returns events. A call that failed may have succeeded nevertheless: then Take may find
// the events again, and returning them once more would interrupt their next try.
type change struct {
	events []esm.Event
	found  map[uint64]bool // places of events that Take has found again; guarded by the dispatcher's mutex
}

// put returns events, which then wait. It repeats what fails, and returns false if ctx ends before it has succeeded.
func (d *dispatcher) put(ctx context.Context, events []esm.Event) bool {
	c := &change{events, map[uint64]bool{}}
	d.begin(c)
	defer d.end(c)
	err := d.feed.Events.Return(ctx, events...)
	for pauses := retry.NewPauses(d.feed.Scale); err != nil; {
		pause := pauses.Next()
		d.feed.failing(d.function)(err, pause)
		if !retry.Sleep(ctx, pause) {
			return false
		}
		err = d.again(ctx, c)
	}
	return true
}

// again repeats c for those of its events that Take has not found. No Take runs meanwhile.
func (d *dispatcher) again(ctx context.Context, c *change) error {
	d.store <- struct{}{}
	defer func() { <-d.store }()
	if events := d.missing(c); len(events) > 0 {
		return d.feed.Events.Return(ctx, events...)
	}
	return nil
}

func (d *dispatcher) begin(c *change) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, e := range c.events {
		d.returning[e.Place] = c
	}
}

func (d *dispatcher) end(c *change) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, e := range c.events {
		if d.returning[e.Place] == c {
			delete(d.returning, e.Place)
		}
	}
}

func (d *dispatcher) missing(c *change) (events []esm.Event) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, e := range c.events {
		if !c.found[e.Place] {
			events = append(events, e)
		}
	}
	return events
}
