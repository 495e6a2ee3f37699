package engine

import (
	"context"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/esm-run/esm"
	"github.com/esm-run/esm/engine/policy"
)

// lane handles the records of some keys of a shard, one batch after the other. Its fields are owned by run.
type lane struct {
	*shard
	n       int
	inbox   chan []esm.Record // parts of what was read; closed when no more will come
	book    *ledger
	pending []esm.Record // received and in no batch yet
}

// run handles what comes in until there is no more, or ctx ends. What it has not settled then is read again.
func (l *lane) run(ctx, work context.Context) error {
	for _, owed := range l.book.owed[l.n] {
		if err := l.resume(ctx, work, owed); err != nil {
			return err
		}
	}
	for {
		batch, more := l.gather(ctx)
		if len(batch) > 0 && ctx.Err() == nil {
			if err := l.finish(ctx, work, policy.Run{Records: batch}); err != nil {
				return err
			}
		}
		if !more || ctx.Err() != nil {
			return nil
		}
	}
}

// resume goes on with a run that was owed when the engine stopped: the same records, with their tries.
func (l *lane) resume(ctx, work context.Context, owed esm.Owed) error {
	run := policy.Run{ID: owed.ID, Tries: owed.Tries}
	for {
		n := 0
		for n < len(l.pending) && policy.Compare(l.pending[n].Receipt, owed.Last) <= 0 {
			n++
		}
		run.Records = append(run.Records, l.pending[:n]...)
		l.pending = l.pending[n:]
		whole := len(run.Records) > 0 && run.Records[len(run.Records)-1].Receipt == owed.Last
		if whole || len(l.pending) > 0 || !l.receive(ctx, nil) {
			break
		}
	}
	if len(run.Records) == 0 || ctx.Err() != nil {
		return nil
	}
	return l.finish(ctx, work, run)
}

// gather returns the records of the next batch. More is false when none will follow.
func (l *lane) gather(ctx context.Context) (recs []esm.Record, more bool) {
	var batch policy.Batch
	for {
		batch = l.join(batch)
		if l.Batching.Ready(batch, time.Now()) {
			return batch.Records, true
		}
		var timeout <-chan time.Time
		if len(batch.Records) > 0 {
			timer := time.NewTimer(l.Batching.Wait(batch, time.Now()))
			defer timer.Stop()
			timeout = timer.C
		}
		if !l.receive(ctx, timeout) {
			return batch.Records, false
		}
	}
}

// receive waits for a part of what was read, or for timeout. It reports false when no more will come, or ctx has ended.
func (l *lane) receive(ctx context.Context, timeout <-chan time.Time) bool {
	select {
	case part, open := <-l.inbox:
		l.pending = append(l.pending, part...)
		return open
	case <-timeout:
		return true
	case <-ctx.Done():
		return false
	}
}

// join lets pending records join the batch, up to one that is too large for any: that one is a batch of its own.
func (l *lane) join(batch policy.Batch) policy.Batch {
	fit := slices.IndexFunc(l.pending, l.Batching.Oversized)
	switch {
	case fit == 0 && len(batch.Records) == 0:
		batch = policy.Batch{Records: l.pending[:1:1], Full: true}
		l.pending = l.pending[1:]
		return batch
	case fit < 0:
		fit = len(l.pending)
	}
	batch, carry, _ := l.Batching.Add(batch, l.pending[:fit], time.Now())
	rest := l.pending[fit:]
	batch.Full = batch.Full || len(rest) > 0 && len(batch.Records) > 0
	l.pending = slices.Concat(carry, rest)
	return batch
}

// finish carries a run to its end, with all that becomes of it. It returns early when ctx ends: no invocation starts
// after that, and what is owed is durable.
func (l *lane) finish(ctx, work context.Context, run policy.Run) error {
	left := []policy.Run{run}
	for len(left) > 0 {
		if left[0].ID == "" {
			left[0].ID = uuid.NewString()
		}
		now := left[0]
		step, goOn := l.step(ctx, work, now)
		if !goOn {
			return nil
		}
		left = append(slices.Clone(step.Next), left[1:]...)
		if err := l.apply(ctx, work, now, step, left); err != nil {
			return err
		}
		if !sleep(ctx, step.Wait) {
			return nil
		}
	}
	return nil
}

// step decides about a run, by invoking the function where that is needed. It reports false when ctx ended first.
func (l *lane) step(ctx, work context.Context, run policy.Run) (step policy.Step, goOn bool) {
	if step, expired := l.Rules.Expire(run, time.Now()); expired {
		return step, true
	}
	if len(run.Records) == 1 && l.Batching.Oversized(run.Records[0]) {
		return l.Rules.Oversized(run, time.Now()), true
	}
	slot, err := l.Invoker.Reserve(ctx, l.Function)
	if err != nil && ctx.Err() != nil {
		return step, false
	}
	if err != nil {
		return l.judge(run, esm.Response{}, err), true
	}
	defer slot.Release()
	if step, expired := l.Rules.Expire(run, time.Now()); expired {
		return step, true // while it waited for the permit
	}
	l.Trace.Tell(esm.Invoking{Mapping: l.Mapping, Function: l.Function, ID: run.ID, Records: run.Records})
	began := time.Now()
	resp, err := slot.Invoke(work, esm.Call{ID: run.ID, Function: l.Function, Payload: policy.Payload(run.Records)})
	outcome := policy.ReadStreamOutcome(run.Records, resp, err, l.Report)
	l.Trace.Tell(esm.Invoked{
		Mapping: l.Mapping, Function: l.Function, ID: run.ID, Records: run.Records, Took: time.Since(began), Tries: run.Tries + 1,
		Verdict: outcome.Verdict.String(), Reason: string(outcome.Reason), Failed: outcome.Failed, Detail: outcome.Detail,
	})
	return l.Rules.After(run, outcome, resp, time.Now()), true
}

// judge decides about a run that no permit could be had for.
func (l *lane) judge(run policy.Run, resp esm.Response, err error) policy.Step {
	return l.Rules.After(run, policy.ReadStreamOutcome(run.Records, resp, err, l.Report), resp, time.Now())
}

// apply carries out a step: what is dropped is told, then what is settled and owed is made durable. A crash in between
// tells twice and loses nothing.
func (l *lane) apply(ctx, work context.Context, run policy.Run, step policy.Step, left []policy.Run) error {
	if len(step.Dropped) > 0 {
		l.Trace.Tell(esm.Dropped{Mapping: l.Mapping, Shard: l.id, Records: step.Dropped, Why: string(step.Why), Tries: step.Count})
		if err := l.notify(ctx, work, run, step); err != nil {
			return err
		}
	}
	if len(step.Settled) == 0 && len(step.Next) == 1 && step.Next[0].Tries == run.Tries && len(step.Next[0].Records) == len(run.Records) {
		return nil // it did not run: nothing has changed
	}
	if err := l.book.settle(work, l.n, step.Settled, left); err != nil {
		return err
	}
	if len(step.Settled) > 0 {
		l.Trace.Tell(esm.Settled{Mapping: l.Mapping, Shard: l.id, Records: step.Settled, Position: l.book.position()})
	}
	return nil
}

// notify tells the destination what is dropped, until it has taken it: a record is not settled before.
func (l *lane) notify(ctx, work context.Context, run policy.Run, step policy.Step) error {
	if l.Destination == nil {
		return nil
	}
	place := policy.Origin{Mapping: l.Mapping, FunctionArn: l.FunctionArn, Source: l.Source, Shard: l.id}
	notice := place.Notice(run, step, time.Now())
	notice.ID, notice.Payload = uuid.NewString(), policy.Payload(step.Dropped)
	pause := pauses(l.Scale)
	for {
		err := l.Destination.Send(work, notice)
		if err == nil {
			return nil
		}
		wait := pause.NextBackOff()
		l.failing(err, wait)
		if !sleep(ctx, wait) {
			return err
		}
	}
}
