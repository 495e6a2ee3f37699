package async

import (
	"sync"
	"time"

	"github.com/esm-run/esm"
	"github.com/esm-run/esm/engine/policy"
	"github.com/esm-run/esm/trace"
)

// The number of events that a dispatcher takes at a time grows while it starts their tries quickly, and shrinks otherwise:
// what cannot run soon stays on disk.
const (
	maxTaken = 1024
	quickly  = 200 * time.Millisecond
)

// dispatcher starts the tries of one function's events. It runs while the function has any.
type dispatcher struct {
	feed     *Feed
	r        *running
	function string

	woken chan struct{} // holds a value if there may be events that are due
	store chan struct{} // holds a value during a Take, and during a Return that is repeated
	size  int           // events to take next; owned by run

	reserved pool // used while permits are reserved for the function

	mu        sync.Mutex
	inHand    int                // events that are taken
	running   int                // tries that run
	returning map[uint64]*change // by place of an event that is being returned
}

func newDispatcher(f *Feed, r *running, function string) *dispatcher {
	return &dispatcher{
		feed: f, r: r, function: function, size: 1,
		woken: make(chan struct{}, 1), store: make(chan struct{}, 1), returning: map[uint64]*change{},
	}
}

// batch is the result of a Take.
type batch struct {
	events []esm.Event
	next   time.Time // without events: when the first will be due; zero if none waits
}

// run dispatches events until there are none, or ctx ends. Then it waits for what it has started.
func (d *dispatcher) run() {
	var started sync.WaitGroup
	defer started.Wait()
	var ahead <-chan batch // of a Take during the last dispatch; nil without one
	for d.r.ctx.Err() == nil {
		var b batch
		if ahead != nil {
			b, ahead = <-ahead, nil
		} else {
			b = d.take(d.size)
		}
		if len(b.events) == 0 {
			if b.next.IsZero() && d.feed.leave(d) {
				return
			}
			d.rest(b.next)
			continue
		}
		if len(b.events) > 1 { // they start quickly: permits need not wait for the store
			ahead = d.takeAhead(&started)
		}
		began := time.Now()
		throttled := d.dispatch(&started, b.events)
		d.resize(throttled || time.Since(began) < quickly)
	}
	if ahead != nil {
		d.giveBack((<-ahead).events)
	}
}

// takeAhead is take in a goroutine of its own.
func (d *dispatcher) takeAhead(started *sync.WaitGroup) <-chan batch {
	result, size := make(chan batch, 1), d.size
	started.Go(func() { result <- d.take(size) })
	return result
}

func (d *dispatcher) resize(grow bool) {
	if grow {
		d.size = min(4*d.size, maxTaken)
	} else {
		d.size = max(d.size/2, 1)
	}
}

// take takes up to size events that are due.
func (d *dispatcher) take(size int) (b batch) {
	select {
	case <-d.woken: // it was woken for what is found now
	default:
	}
	d.feed.repeat(d.r.ctx, d.function, func() (err error) {
		now := time.Now()
		if b, err = d.takeAt(now, size); err != nil || len(b.events) > 0 {
			return err
		}
		if (policy.Async{Scale: d.feed.Scale}).Overdue(b.next, now) {
			b, err = d.takeAt(b.next, size)
		}
		return err
	})
	return b
}

// takeAt takes events that are due at now, and makes note of them. Ctx does not interrupt it: events could be taken then, and
// wait for the next start.
func (d *dispatcher) takeAt(now time.Time, size int) (b batch, err error) {
	d.store <- struct{}{}
	defer func() { <-d.store }()
	b.events, b.next, err = d.feed.Events.Take(d.r.work, d.function, now, size)
	d.mu.Lock()
	defer d.mu.Unlock()
	d.inHand += len(b.events)
	for _, e := range b.events {
		if c := d.returning[e.Place]; c != nil {
			c.found[e.Place] = true
		}
	}
	return b, err
}

// rest waits until next, unless that is zero, or until it is woken or ctx ends.
func (d *dispatcher) rest(next time.Time) {
	var due <-chan time.Time
	if !next.IsZero() {
		timer := time.NewTimer(time.Until(next))
		defer timer.Stop()
		due = timer.C
	}
	select {
	case <-due:
	case <-d.woken:
	case <-d.r.ctx.Done():
	}
}

// wake makes run look for events that are due.
func (d *dispatcher) wake() {
	select {
	case d.woken <- struct{}{}:
	default: // it is woken already
	}
}

// idle reports whether d has no events and was not woken.
func (d *dispatcher) idle() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.inHand == 0 && len(d.woken) == 0
}

// runs makes note that n more tries run.
func (d *dispatcher) runs(n int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.running += n
}

func (d *dispatcher) inFlight() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.running
}

// settled makes note that n events are not in hand any more. It wakes run if there may be something for it to do.
func (d *dispatcher) settled(n int, waiting bool) {
	d.mu.Lock()
	d.inHand -= n
	last := d.inHand == 0
	d.mu.Unlock()
	if waiting || last {
		d.wake()
	}
}

// emit reports the try of a step, if there was one. Invoked says whether it had a permit.
func (d *dispatcher) emit(s policy.EventStep, began time.Time, invoked bool) {
	if s.Tried {
		e := s.Event
		d.feed.Trace.Emit(trace.EventTried{
			Function: e.Function, ID: e.ID, Verdict: s.Verdict, Reason: s.Reason, Detail: s.Detail,
			Tries: e.Tries, Invoked: invoked, Age: policy.Age(e, began), Took: time.Since(began),
		})
	}
}
