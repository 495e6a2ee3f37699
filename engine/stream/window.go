package stream

import (
	"encoding/json"

	"github.com/esm-run/esm"
	"github.com/esm-run/esm/engine/policy"
)

// This file holds what a lane does differently when its mapping has tumbling windows.

func (l *lane) windowed() bool { return l.feed.Tumbling.Length > 0 }

// inWindow returns how many of the pending records may join a batch. For the first of a batch it opens their window.
func (l *lane) inWindow(batch policy.Batch) int {
	switch {
	case !l.windowed() || len(l.pending) == 0:
		return len(l.pending)
	case len(batch.Records) > 0:
		return l.feed.Tumbling.Fit(*l.window, l.pending)
	}
	window, n := l.feed.Tumbling.Cut(l.window, l.pending)
	l.window = &window
	return n
}

// oneWindow reports whether recs, the records of a pending run, belong to the open window. They do unless windows were
// switched on or changed their length since the run began.
func (l *lane) oneWindow(recs []esm.Record) bool {
	return !l.windowed() || len(recs) == 0 || l.window != nil && l.feed.Tumbling.Fit(*l.window, recs) == len(recs)
}

// batching returns the batching rules with the envelope of the open window's events.
func (l *lane) batching() policy.Batching {
	batching := l.feed.Batching
	if l.windowed() && l.window != nil {
		batching.Envelope = l.feed.Tumbling.Envelope(l.origin(), *l.window)
	}
	return batching
}

// read returns the outcome of a try and, with windows, the state that it returned.
func (l *lane) read(recs []esm.Record, resp esm.Response, err error) (policy.Outcome, json.RawMessage) {
	if l.windowed() {
		return policy.ReadWindowOutcome(recs, resp, err, l.feed.Report)
	}
	return policy.ReadStreamOutcome(recs, resp, err, l.feed.Report), nil
}

// withWindow completes a step with what it means for the open window. State is what the function returned.
func (l *lane) withWindow(step policy.Step, state json.RawMessage) policy.Step {
	if !l.windowed() || l.window == nil {
		return step
	}
	return l.feed.Tumbling.After(*l.window, step, state)
}

// windowDue reports whether the final invocation of the open window is due.
func (l *lane) windowDue() bool {
	if l.window == nil {
		return false
	}
	seen := policy.Seen{Drained: l.drained && l.ledger.atEnd && len(l.pending) == 0, Idle: l.idle, Tip: l.tip}
	if len(l.pending) > 0 {
		seen.Next = l.pending[0].Arrived
	}
	return l.feed.Tumbling.Due(*l.window, seen)
}

// windowFinal reports whether the final invocation of the open window is the next one: its time has come, or its state has
// grown too large, perhaps before a restart.
func (l *lane) windowFinal() bool { return l.window != nil && l.window.Final }
