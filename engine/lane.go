package engine

import (
	"context"
	"encoding/json"
	"errors"
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
	inbox   chan part // of what was read; closed when no more will come
	book    *ledger
	pending []esm.Record // received and in no batch yet
	past    bool         // all that was owed at the start has been read
	drained bool         // no more will come
	left    []policy.Run // what the batch in hand has become, oldest first
	ahead   bool         // a try is saved as made that may still turn out not to have been

	window *esm.Window // the tumbling window that is open; nil before the first, and without windows
	tip    time.Time   // when a read last began that found nothing
}

// run handles what comes in until there is no more, or ctx ends. What it has not settled then is read again.
func (l *lane) run(ctx, work context.Context) error {
	if err := l.finish(ctx, work, l.resume(ctx)); err != nil {
		return err
	}
	for ctx.Err() == nil {
		if l.windowDue() {
			if err := l.closeWindow(ctx, work); err != nil {
				return err
			}
			continue
		}
		batch := l.gather(ctx)
		if ctx.Err() != nil || l.drained && len(batch) == 0 && !l.windowDue() {
			return nil
		}
		if len(batch) == 0 {
			continue
		}
		if err := l.finish(ctx, work, []policy.Run{{Records: batch}}); err != nil {
			return err
		}
	}
	return nil
}

// resume reads the runs again that were owed when the engine stopped: the same records, with their tries.
func (l *lane) resume(ctx context.Context) (runs []policy.Run) {
	for _, owed := range l.book.owed[l.n] {
		run := policy.Run{ID: owed.ID, Records: l.upTo(ctx, owed.Last), Tries: owed.Tries, Response: owed.Response}
		n := len(run.Records)
		if n == 0 {
			continue // trimmed away, or not wanted any more
		}
		if run.Records[0].Receipt != owed.First || run.Records[n-1].Receipt != owed.Last || l.book.thinned(owed) {
			run = policy.Run{Records: run.Records} // not all of it is left: that is another run
		}
		runs = append(runs, run)
	}
	return runs
}

// upTo takes the pending records up to a position, and waits until they are there, or what comes behind them.
func (l *lane) upTo(ctx context.Context, last string) (recs []esm.Record) {
	for {
		n := 0
		for n < len(l.pending) && policy.Compare(l.pending[n].Receipt, last) <= 0 {
			n++
		}
		recs = append(recs, l.pending[:n]...)
		l.pending = l.pending[n:]
		whole := len(recs) > 0 && recs[len(recs)-1].Receipt == last
		if whole || len(l.pending) > 0 || l.past || l.drained || !l.receive(ctx, nil) {
			return recs
		}
	}
}

// gather returns the records of the next batch; none when ctx ends, no more will come, or a window has to be closed.
func (l *lane) gather(ctx context.Context) []esm.Record {
	var batch policy.Batch
	for {
		batch = l.join(batch)
		if l.Batching.Ready(batch, time.Now()) || l.drained || len(batch.Records) == 0 && l.windowDue() {
			return batch.Records
		}
		var timeout <-chan time.Time
		if len(batch.Records) > 0 {
			timer := time.NewTimer(l.Batching.Wait(batch, time.Now()))
			defer timer.Stop()
			timeout = timer.C
		}
		if !l.receive(ctx, timeout) {
			return nil
		}
	}
}

// receive waits for a part of what was read, for the end of it, or for timeout. It reports false when ctx has ended.
func (l *lane) receive(ctx context.Context, timeout <-chan time.Time) bool {
	select {
	case p, open := <-l.inbox:
		if len(l.pending) == 0 {
			l.pending = p.recs
		} else {
			l.pending = append(l.pending, p.recs...)
		}
		l.drained = !open
		l.past = l.past || p.past
		if !p.tip.IsZero() {
			l.tip = p.tip
		}
		return ctx.Err() == nil
	case <-timeout:
		return true
	case <-ctx.Done():
		return false
	}
}

// join lets pending records join the batch: up to the end of the window, and up to one that is too large for any batch,
// which is one of its own.
func (l *lane) join(batch policy.Batch) policy.Batch {
	batching := l.batching()
	fit := min(l.inWindow(batch), batching.Want(batch))
	if large := slices.IndexFunc(l.pending[:fit], batching.Oversized); large >= 0 {
		fit = large
		if fit == 0 && len(batch.Records) == 0 {
			batch = policy.Batch{Records: l.pending[:1:1], Full: true}
			l.pending = l.pending[1:]
			return batch
		}
	}
	batch, carry, _ := batching.Add(batch, l.pending[:fit], time.Now())
	batch.Full = batch.Full || fit < len(l.pending) && len(batch.Records) > 0
	joined := fit - len(carry)
	clear(l.pending[:joined]) // the batch has them
	l.pending = l.pending[joined:]
	return batch
}

// finish carries runs to their end, one after the other, with all that becomes of them. It returns early when ctx ends: no
// invocation starts after that, and what is owed is durable.
func (l *lane) finish(ctx, work context.Context, runs []policy.Run) error {
	for l.left = runs; len(l.left) > 0 && ctx.Err() == nil; {
		if l.window != nil && l.window.Final { // its state grew too large, perhaps before a restart
			if err := l.closeWindow(ctx, work); err != nil {
				return err
			}
			continue
		}
		if l.left[0].ID == "" {
			l.left[0].ID = uuid.NewString()
		}
		run := l.left[0]
		step, err := l.step(ctx, work, run)
		if err != nil {
			return err
		}
		l.left = append(slices.Clone(step.Next), l.left[1:]...)
		if err := l.apply(ctx, work, run, step); err != nil {
			return err
		}
		if !sleep(ctx, step.Wait) {
			return nil
		}
	}
	return nil
}

// step decides about a run, by invoking the function where that is needed. An error says that nothing was decided, since
// ctx ended first or the try could not be saved.
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
	switch {
	case ctx.Err() != nil:
		return policy.Step{}, context.Cause(ctx)
	case err != nil:
		outcome := policy.ReadStreamOutcome(run.Records, esm.Response{}, err, l.Report)
		step := l.rules.After(run, outcome, esm.Response{}, time.Now())
		l.failing(err, step.Wait)
		return step, nil
	}
	if err := l.begin(ctx, work, run); err != nil {
		return policy.Step{}, err
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

// invoke makes one try and decides what comes of it.
func (l *lane) invoke(work context.Context, slot esm.Slot, run policy.Run, payload json.RawMessage) policy.Step {
	l.Trace.Tell(esm.Invoking{Mapping: l.Mapping, Shard: l.id, Function: l.Function, ID: run.ID, Records: run.Records})
	began := time.Now()
	resp, err := slot.Invoke(work, esm.Call{ID: run.ID, Function: l.Function, Payload: payload})
	outcome, state := l.read(run.Records, resp, err)
	l.Trace.Tell(esm.Invoked{
		Mapping: l.Mapping, Shard: l.id, Function: l.Function, ID: run.ID, Records: run.Records, Took: time.Since(began), Tries: run.Tries + 1,
		Verdict: outcome.Verdict.String(), Reason: string(outcome.Reason), Failed: outcome.Failed, Detail: outcome.Detail,
	})
	step := l.rules.After(run, outcome, resp, time.Now())
	l.keepState(step, state)
	return step
}

// apply carries out a step: what is dropped is told, then what is settled and owed is made durable. A crash in between
// tells twice and loses nothing.
func (l *lane) apply(ctx, work context.Context, run policy.Run, step policy.Step) error {
	if step.Why != "" {
		if err := l.drop(ctx, work, run, step); err != nil {
			return err
		}
	}
	if repeats(run, step) && !l.ahead {
		return nil // it did not run: nothing has changed
	}
	if err := l.settle(ctx, work, step.Settled, l.left); err != nil {
		return err
	}
	if len(step.Settled) > 0 {
		l.Trace.Tell(esm.Settled{Mapping: l.Mapping, Shard: l.id, Records: step.Settled, Position: l.book.position()})
	}
	return nil
}

// settle returns when it is durable what is settled, what is left and which window is open. While that cannot be saved, as
// on a full disk, it is tried again: the function has done its part and is not asked twice.
func (l *lane) settle(ctx, work context.Context, settled []esm.Record, left []policy.Run) error {
	change, err := l.book.note(l.n, settled, left, l.window)
	if err != nil {
		return err
	}
	l.ahead = false
	for pause := pauses(l.Scale); ; {
		err := l.book.save(work, change)
		if err == nil || errors.Is(err, esm.ErrConflict) || ctx.Err() != nil {
			return err
		}
		wait := pause.NextBackOff()
		l.failing(err, wait)
		if !sleep(ctx, wait) {
			return err
		}
	}
}

// repeats reports whether a step leaves a run as it is, so that nothing needs to be saved.
func repeats(run policy.Run, step policy.Step) bool {
	return len(step.Settled) == 0 && len(step.Next) == 1 &&
		step.Next[0].Tries == run.Tries && len(step.Next[0].Records) == len(run.Records)
}

// begin saves a try as made before it is: a crash meanwhile must not leave it uncounted, or a handler that takes the engine
// down with it would be tried for ever. The first try of a run is not saved, which would cost each batch a write.
func (l *lane) begin(ctx, work context.Context, run policy.Run) error {
	if run.Tries == 0 {
		return nil
	}
	run.Tries++
	left := l.left
	if len(run.Records) > 0 {
		left = append([]policy.Run{run}, left[1:]...)
	} else {
		window := *l.window
		window.Tries = run.Tries
		l.window = &window
	}
	if err := l.settle(ctx, work, nil, left); err != nil {
		return err
	}
	l.ahead = true
	return nil
}

// count saves the last try of a run that is given up.
func (l *lane) count(ctx, work context.Context, run policy.Run, step policy.Step) error {
	run, tried := policy.Counted(run, step)
	if !tried {
		return nil
	}
	return l.settle(ctx, work, nil, append([]policy.Run{run}, l.left...))
}

// drop tells the destination what is given up, until it has taken it: nothing is settled before.
func (l *lane) drop(ctx, work context.Context, run policy.Run, step policy.Step) error {
	l.Trace.Tell(esm.Dropped{Mapping: l.Mapping, Shard: l.id, Records: step.Dropped, Why: string(step.Why), Tries: step.Count})
	if l.Destination == nil {
		return nil
	}
	if err := l.count(ctx, work, run, step); err != nil {
		return err
	}
	notice := l.origin().Notice(run, step, time.Now())
	// The same notice has the same ID when it is sent again after a crash.
	notice.ID = uuid.NewSHA1(uuid.NameSpaceOID, []byte(l.Mapping+l.id+run.ID+notice.First.SequenceNumber)).String()
	notice.Payload = l.payload(step.Dropped)
	if l.window != nil {
		notice.Window = l.Tumbling.Notice(*l.window)
	}
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

// most is how large an event may be.
func (l *lane) most() int {
	if l.Batching.MaxBytes > 0 {
		return l.Batching.MaxBytes
	}
	return esm.MaxPayload
}

func (l *lane) origin() policy.Origin {
	return policy.Origin{Mapping: l.Mapping, FunctionArn: l.FunctionArn, Source: l.source, Shard: l.id}
}
