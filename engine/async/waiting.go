package async

import (
	"context"
	"fmt"
	"iter"
	"time"

	"github.com/esm-run/esm"
	"github.com/esm-run/esm/config"
	"github.com/esm-run/esm/trace"
)

// Backlog describes the asynchronous events of one function.
type Backlog struct {
	Function string    // without a qualifier
	Waiting  int       // for their next try, or for a permit
	InFlight int       // being tried
	Oldest   time.Time // when the first of them was accepted
	Next     time.Time // when the first of those that wait is due; zero if none waits
}

// Backlogs describes the functions that have events, in the order of their names. It blocks for one read of the store, which
// does not read the events.
func (f *Feed) Backlogs(ctx context.Context) ([]Backlog, error) {
	stored, err := f.Events.Backlogs(ctx)
	if err != nil {
		return nil, fmt.Errorf("async: read the backlogs: %w", err)
	}
	var all []Backlog
	for _, s := range stored {
		b := Backlog{Function: s.Function, Waiting: s.Waiting, Oldest: s.Oldest, Next: s.Next}
		b.InFlight = min(f.inFlight(s.Function), s.Taken)
		b.Waiting += s.Taken - b.InFlight
		all = append(all, b)
	}
	return all, nil
}

func (f *Feed) inFlight(function string) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	if d := f.dispatchers[function]; d != nil {
		return d.inFlight()
	}
	return 0
}

// List iterates over the events of function that wait for their next try, or of all functions if function is empty, as
// [esm.Events] does.
func (f *Feed) List(ctx context.Context, function string) iter.Seq2[esm.Event, error] {
	return f.Events.List(ctx, function)
}

// Drop removes events that wait, which List has returned, and returns how many it found. A dropped event has no end: no
// destination and no dead-letter queue hears of it. Those that are being tried stay.
func (f *Feed) Drop(ctx context.Context, events ...esm.Event) (dropped int, err error) {
	return f.change(events, func(function string, places []uint64) (int, error) {
		n, err := f.Events.Remove(ctx, places...)
		if n > 0 {
			f.Trace.Emit(trace.EventsRemoved{Function: function, Count: n})
		}
		return n, err
	})
}

// Retry makes events that wait, which List has returned, due at once, and returns how many it found. Their tries and ages
// stay as they are.
func (f *Feed) Retry(ctx context.Context, events ...esm.Event) (hastened int, err error) {
	return f.change(events, func(function string, places []uint64) (int, error) {
		n, err := f.Events.Hasten(ctx, time.Now(), places...)
		f.wake(function)
		return n, err
	})
}

// change changes events, those of each function together.
func (f *Feed) change(events []esm.Event, do func(function string, places []uint64) (int, error)) (changed int, err error) {
	places := map[string][]uint64{}
	for _, e := range events {
		function, _ := config.SplitQualifier(e.Function)
		places[function] = append(places[function], e.Place)
	}
	for function, all := range places {
		n, err := do(function, all)
		changed += n
		if err != nil {
			return changed, fmt.Errorf("async: change the events of %s: %w", function, err)
		}
	}
	return changed, nil
}
