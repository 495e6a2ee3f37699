package stream

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/esm-run/esm"
	"github.com/esm-run/esm/engine/policy"
	"github.com/esm-run/esm/trace"
)

// step decides about a run, by invoking the function if that is needed; state is what the function returned for a window. It
// returns an error if nothing was decided, because ctx has ended or the checkpoint was changed elsewhere.
func (l *lane) step(ctx, work context.Context, run policy.Run) (step policy.Step, state json.RawMessage, err error) {
	rules := l.shard.rules
	if step, expired := rules.Expire(run, time.Now()); expired {
		return step, nil, nil
	}
	if step, spent := rules.Spent(run); spent {
		return step, nil, nil
	}
	event := l.batching().Event(run.Records)
	if len(event) > l.maxBytes() && !isFinal(run) {
		return rules.Oversized(run, time.Now()), nil, nil
	}
	slot, err := l.reserve(ctx, run)
	if err == nil {
		defer slot.Release()
	}
	if step, expired := rules.Expire(run, time.Now()); expired {
		return step, nil, nil // while it waited for the permit
	}
	if ctx.Err() != nil {
		return policy.Step{}, nil, context.Cause(ctx)
	}
	if err == nil {
		err = l.begin(work, run)
	}
	switch {
	case errors.Is(err, esm.ErrConflict):
		return policy.Step{}, nil, err
	case err != nil:
		outcome := policy.ReadStreamOutcome(run.Records, esm.Response{}, err, l.feed.Report)
		step = rules.After(run, outcome, esm.Response{}, time.Now())
		l.shard.failing(err, step.Wait)
		return step, nil, nil
	}
	step, state = l.invoke(work, slot, run, event)
	return step, state, nil
}

// reserve waits for a permit, until the oldest record of the run is too old or ctx ends.
func (l *lane) reserve(ctx context.Context, run policy.Run) (esm.Slot, error) {
	if end := l.shard.rules.ExpiresAt(run); !end.IsZero() {
		var cancel context.CancelFunc
		ctx, cancel = context.WithDeadline(ctx, end)
		defer cancel()
	}
	return l.feed.Invoker.Reserve(ctx, l.feed.Function)
}

// begin saves a try as made before it is made, so that a handler that takes the engine down with it is not tried without end.
// The first try of a run is not saved: that would cost each batch a write. A try that cannot be saved is neither made nor
// counted.
func (l *lane) begin(work context.Context, run policy.Run) error {
	if run.Tries == 0 {
		return nil
	}
	run.Tries++
	left, window := l.counted(run)
	change, err := l.ledger.note(l.n, nil, left, window)
	if err != nil {
		return err
	}
	l.unconfirmed = true
	return l.ledger.save(work, change)
}

// invoke makes one try and decides what follows from it.
func (l *lane) invoke(work context.Context, slot esm.Slot, run policy.Run, event json.RawMessage) (policy.Step, json.RawMessage) {
	f, shard := l.feed, l.shard.id
	f.Trace.Emit(trace.Invoking{Mapping: f.Mapping, Shard: shard, Function: f.Function, ID: run.ID, Records: run.Records})
	began := time.Now()
	header := policy.Advance(esm.NewTraceHeader(began), f.Function) // records carry none: a chain begins
	resp, err := slot.Invoke(work, esm.Call{ID: run.ID, Function: f.Function, Payload: event, TraceHeader: header})
	outcome, state := l.read(run.Records, resp, err)
	f.Trace.Emit(trace.Invoked{
		Mapping: f.Mapping, Shard: shard, Function: f.Function, ID: run.ID, Records: run.Records, Took: time.Since(began), Tries: run.Tries + 1,
		Verdict: outcome.Verdict, Reason: outcome.Reason, Failed: outcome.Failed, Detail: outcome.Detail,
	})
	return l.shard.rules.After(run, outcome, resp, time.Now()), state
}

// maxBytes returns the most bytes that an event may have.
func (l *lane) maxBytes() int {
	if l.feed.Batching.MaxBytes > 0 {
		return l.feed.Batching.MaxBytes
	}
	return esm.MaxPayload
}
