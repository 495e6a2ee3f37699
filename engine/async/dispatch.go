package async

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/esm-run/esm"
	"github.com/esm-run/esm/engine/policy"
	"github.com/esm-run/esm/engine/retry"
)

// patience is how long an event waits for a permit while no other event runs that will return one. After that it counts as
// throttled.
const patience = 500 * time.Millisecond

// dispatch starts a try of each event, or settles it without one. It blocks until the last of them has a permit, the events
// are throttled, or ctx has ended. What it starts it adds to started.
func (d *dispatcher) dispatch(started *sync.WaitGroup, events []esm.Event) (throttled bool) {
	ctx := d.r.ctx
	for len(events) > 0 {
		if ctx.Err() != nil {
			d.giveBack(events)
			return false
		}
		e, began := events[0], time.Now()
		rules := d.feed.rules(e.Function)
		if !d.decide(started, rules, e, began) {
			slot, err := d.reserve(ctx, rules, e)
			rules = d.feed.rules(e.Function) // it may have waited
			switch {
			case ctx.Err() != nil:
				if err == nil {
					slot.Release()
				}
				continue
			case err == nil && d.decide(started, rules, e, time.Now()):
				slot.Release()
			case err == nil:
				d.start(started, slot, rules, e)
			case d.decide(started, rules, e, time.Now()): // it is too old now, or something was configured
			case errors.Is(err, esm.ErrRefused):
				d.settle(started, began, rules.After(e, esm.Response{}, err, time.Now(), d.feed.dice()))
			default:
				d.throttle(started, events, began, err)
				return true
			}
		}
		events = events[1:]
	}
	return false
}

// decide settles e if it is not to be tried. It returns false if it is.
func (d *dispatcher) decide(started *sync.WaitGroup, rules policy.Async, e esm.Event, now time.Time) bool {
	step, decided := rules.Before(e, now, d.feed.dice())
	if decided {
		d.settle(started, now, step)
	}
	return decided
}

// reserve waits for a permit for e, until e is too old or ctx ends. While other events hold permits of the pool that e needs
// one of, e just waits for its turn. Otherwise it returns [esm.ErrThrottled] when its patience is exhausted.
func (d *dispatcher) reserve(ctx context.Context, rules policy.Async, e esm.Event) (esm.Slot, error) {
	call, cancel := context.WithDeadline(ctx, rules.ExpiresAt(e).Add(1)) // when it is too old
	defer cancel()
	defer d.pool(rules.Target).wait(retry.Scaled(patience, d.feed.Scale), cancel)()
	slot, err := d.feed.Invoker.Reserve(call, e.Function)
	if err != nil && call.Err() != nil {
		return nil, esm.ErrThrottled
	}
	return slot, err
}

// pool returns the pool that the permits of the function come from.
func (d *dispatcher) pool(t policy.Target) *pool {
	if t.Reserved != nil {
		return &d.reserved
	}
	return &d.r.shared
}

// throttle settles events after the first of them, whose try began at began, could not get a permit: neither could the
// others. Those that wait again are saved in one change.
func (d *dispatcher) throttle(started *sync.WaitGroup, events []esm.Event, began time.Time, err error) {
	var waiting []policy.EventStep
	for _, e := range events {
		rules, now := d.feed.rules(e.Function), time.Now()
		step, decided := rules.Before(e, now, d.feed.dice())
		switch {
		case decided:
		case errors.Is(err, esm.ErrThrottled):
			step = rules.Throttled(e, began, d.feed.dice())
		default:
			step = rules.After(e, esm.Response{}, err, now, d.feed.dice())
		}
		if step.Condition == "" {
			waiting = append(waiting, step)
		} else {
			d.settle(started, began, step)
		}
	}
	d.settle(started, began, waiting...)
}
