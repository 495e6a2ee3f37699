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
	inbox   chan part // of what was read; closed when no more will come
	book    *ledger
	pending []esm.Record // received and in no batch yet
	past    bool         // all that was owed at the start has been read
	drained bool         // no more will come
	left    []policy.Run // what the batch in hand has become, oldest first
	ahead   bool         // a try is saved as made that may still turn out not to have been

	window *esm.Window // the tumbling window that is open; nil before the first, and without windows
	idle   time.Time   // when the first began of the reads that have found nothing, one after the other
	tip    time.Time   // and the last
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
		recs := l.upTo(ctx, owed.Last)
		if !l.oneWindow(recs) {
			l.pending = append(recs, l.pending...)
			break // these and what comes behind them are parted by windows first
		}
		if len(recs) > 0 { // else trimmed away, or not wanted any more
			runs = append(runs, policy.Resume(owed, recs))
		}
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
			l.idle, l.tip = p.idle, p.tip
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

func (l *lane) origin() policy.Origin {
	return policy.Origin{Mapping: l.Mapping, FunctionArn: l.FunctionArn, Source: l.source, Shard: l.id}
}
