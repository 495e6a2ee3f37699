package engine

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/esm-run/esm"
	"github.com/esm-run/esm/engine/policy"
	"github.com/esm-run/esm/trace"
)

// What a lane does to invoke the function once.

// step decides about a run, by invoking the function where that is needed. An error says that nothing was decided, since
// ctx ended first or the checkpoint is somebody else's by now.
func (l *lane) step(ctx, work context.Context, run policy.Run) (policy.Step, error) {
	if step, expired := l.rules.Expire(run, time.Now()); expired {
		return step, nil
	}
	if step, spent := l.rules.Spent(run); spent {
		return step, nil
	}
	payload := l.payload(run.Records)
	if len(payload) > l.most() && len(run.Records) > 0 {
		return l.rules.Oversized(run, time.Now()), nil
	}
	slot, err := l.reserve(ctx, run)
	if err == nil {
		defer slot.Release()
	}
	if step, expired := l.rules.Expire(run, time.Now()); expired {
		return step, nil // while it waited for the permit
	}
	if ctx.Err() != nil {
		return policy.Step{}, context.Cause(ctx)
	}
	if err == nil {
		err = l.begin(work, run)
	}
	switch {
	case errors.Is(err, esm.ErrConflict):
		return policy.Step{}, err
	case err != nil:
		outcome := policy.ReadStreamOutcome(run.Records, esm.Response{}, err, l.Report)
		step := l.rules.After(run, outcome, esm.Response{}, time.Now())
		l.failing(err, step.Wait)
		return step, nil
	}
	return l.invoke(work, slot, run, payload), nil
}

// reserve waits for a permit, at most until the oldest record of the run is too old.
func (l *lane) reserve(ctx context.Context, run policy.Run) (esm.Slot, error) {
	if end := l.rules.ExpiresAt(run); !end.IsZero() {
		var cancel context.CancelFunc
		ctx, cancel = context.WithDeadline(ctx, end)
		defer cancel()
	}
	return l.Invoker.Reserve(ctx, l.Function)
}

// begin saves a try as made before it is: a crash meanwhile must not leave it uncounted, or a handler that takes the engine
// down with it would be tried for ever. The first try of a run is not saved, which would cost each batch a write. A try
// that cannot be saved is not made, and not counted: it gives its permit back, and grows older, until it can.
func (l *lane) begin(work context.Context, run policy.Run) error {
	if run.Tries == 0 {
		return nil
	}
	run.Tries++
	left := l.left
	if len(run.Records) > 0 {
		left = left[1:]
	}
	left, window := l.counted(run, left)
	change, err := l.book.note(l.n, nil, left, window)
	if err != nil {
		return err
	}
	l.ahead = true
	return l.book.save(work, change)
}

// invoke makes one try and decides what comes of it.
func (l *lane) invoke(work context.Context, slot esm.Slot, run policy.Run, payload json.RawMessage) policy.Step {
	l.Trace.Emit(trace.Invoking{Mapping: l.Mapping, Shard: l.id, Function: l.Function, ID: run.ID, Records: run.Records})
	began := time.Now()
	resp, err := slot.Invoke(work, esm.Call{ID: run.ID, Function: l.Function, Payload: payload})
	outcome, state := l.read(run.Records, resp, err)
	l.Trace.Emit(trace.Invoked{
		Mapping: l.Mapping, Shard: l.id, Function: l.Function, ID: run.ID, Records: run.Records, Took: time.Since(began), Tries: run.Tries + 1,
		Verdict: outcome.Verdict, Reason: outcome.Reason, Failed: outcome.Failed, Detail: outcome.Detail,
	})
	step := l.rules.After(run, outcome, resp, time.Now())
	l.keepState(step, state)
	return step
}

// most is how large an event may be.
func (l *lane) most() int {
	if l.Batching.MaxBytes > 0 {
		return l.Batching.MaxBytes
	}
	return esm.MaxPayload
}
