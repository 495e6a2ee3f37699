package engine

import (
	"context"
	"encoding/json"

	"github.com/google/uuid"

	"github.com/esm-run/esm"
	"github.com/esm-run/esm/engine/policy"
)

// What a lane does otherwise when its mapping has tumbling windows. Without them none of this changes anything.

func (l *lane) windowed() bool { return l.Tumbling.Length > 0 }

// inWindow is how many of the pending records may join a batch; for its first it opens the window that they lie in.
func (l *lane) inWindow(batch policy.Batch) int {
	switch {
	case !l.windowed() || len(l.pending) == 0:
		return len(l.pending)
	case len(batch.Records) > 0:
		return l.Tumbling.Fit(*l.window, l.pending)
	}
	window, n := l.Tumbling.Cut(l.window, l.pending)
	l.window = &window
	return n
}

// oneWindow reports whether recs, which are of a run that was owed, belong to the window that is open. They did, unless
// windows were switched on or made shorter since.
func (l *lane) oneWindow(recs []esm.Record) bool {
	return !l.windowed() || len(recs) == 0 || l.window != nil && l.Tumbling.Fit(*l.window, recs) == len(recs)
}

// batching returns the batching rules with the envelope of the open window's events.
func (l *lane) batching() policy.Batching {
	batching := l.Batching
	if l.windowed() && l.window != nil {
		batching.Envelope = l.Tumbling.Envelope(l.origin(), *l.window)
	}
	return batching
}

func (l *lane) payload(recs []esm.Record) json.RawMessage {
	return l.batching().Event(recs)
}

func (l *lane) read(recs []esm.Record, resp esm.Response, err error) (policy.Outcome, json.RawMessage) {
	if l.windowed() {
		return policy.ReadWindowOutcome(recs, resp, err, l.Report)
	}
	return policy.ReadStreamOutcome(recs, resp, err, l.Report), nil
}

// keepState notes the state that an invocation has returned. It becomes durable with what the step settles.
func (l *lane) keepState(step policy.Step, state json.RawMessage) {
	if l.window != nil && !l.window.Final {
		l.window = l.Tumbling.After(*l.window, step, state).Window
	}
}

// windowDue reports whether the final invocation of the open window is next.
func (l *lane) windowDue() bool {
	if l.window == nil {
		return false
	}
	seen := policy.Seen{Drained: l.drained && l.book.whole && len(l.pending) == 0, Idle: l.idle, Tip: l.tip}
	if len(l.pending) > 0 {
		seen.Next = l.pending[0].Arrived
	}
	return l.Tumbling.Due(*l.window, seen)
}

// closeWindow makes the final invocation of the open window, again and again as a run of records would be. That it is
// owed is durable before the first try, and what came of each before the pause behind it.
func (l *lane) closeWindow(ctx, work context.Context) error {
	window := l.Tumbling.Close(*l.window, uuid.NewString())
	l.window = &window
	if err := l.settle(ctx, work, nil, l.left); err != nil {
		return err
	}
	for run := policy.FinalRun(window); l.window.Final; {
		step, err := l.step(ctx, work, run)
		if err != nil {
			return err
		}
		if step.Why != "" {
			if err := l.drop(ctx, work, run, step); err != nil {
				return err
			}
		}
		l.window = l.Tumbling.After(*l.window, step, nil).Window
		if !repeats(run, step) || l.ahead {
			if err := l.settle(ctx, work, nil, l.left); err != nil {
				return err
			}
		}
		if !sleep(ctx, step.Wait) {
			return nil
		}
		if len(step.Next) > 0 {
			run = step.Next[0]
		}
	}
	return nil
}
