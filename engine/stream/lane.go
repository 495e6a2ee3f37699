package stream

import (
	"context"
	"slices"
	"time"

	"github.com/esm-run/esm"
	"github.com/esm-run/esm/config"
	"github.com/esm-run/esm/engine/policy"
)

// lane handles the records of some keys of a shard, one batch after another. Its fields are owned by run.
type lane struct {
	feed   *Feed
	shard  *shard
	n      int
	ledger *ledger
	inbox  chan part // parts of what was read; closed when no more will come

	pending []esm.Record // received, and in no batch yet
	resumed bool         // the records of all runs that were pending at the start have been read
	drained bool         // no more records will come

	left        []policy.Run // the runs that the batch in hand has become, oldest first
	unconfirmed bool         // a try was saved as made, and may yet turn out not to have run

	window *esm.Window // the open tumbling window; nil before the first, and without windows
	idle   time.Time   // when the first of the latest reads without records began
	tip    time.Time   // when the last of them began
}

// run handles what the reader deals until there is no more, or ctx ends. Records that are not settled then are read again.
func (l *lane) run(ctx, work context.Context) error {
	for runs := l.resume(ctx); ; {
		if err := l.finish(ctx, work, runs); err != nil || ctx.Err() != nil {
			return err
		}
		runs = nil
		if l.windowDue() {
			window := l.feed.Tumbling.Close(*l.window, "")
			l.window = &window
			continue
		}
		batch := l.gather(ctx)
		if ctx.Err() != nil || l.drained && len(batch) == 0 && !l.windowDue() {
			return nil
		}
		if len(batch) > 0 {
			runs = []policy.Run{{Records: batch}}
		}
	}
}

// resume returns the runs that were pending when the shard was last read: the same records, with their tries.
func (l *lane) resume(ctx context.Context) (runs []policy.Run) {
	for _, run := range l.ledger.pending(l.n) {
		recs := l.upTo(ctx, run.Last)
		if !l.oneWindow(recs) {
			l.pending = append(recs, l.pending...)
			break // these and the following are divided by windows first
		}
		if len(recs) > 0 { // otherwise trimmed, or they do not match the filter any more
			runs = append(runs, policy.Resume(run, recs))
		}
	}
	return runs
}

// upTo takes the pending records up to a position. It waits until that position, or one behind it, was read.
func (l *lane) upTo(ctx context.Context, last string) (recs []esm.Record) {
	for {
		n := 0
		for n < len(l.pending) && config.ComparePositions(l.pending[n].Receipt, last) <= 0 {
			n++
		}
		recs = append(recs, l.pending[:n]...)
		l.pending = l.pending[n:]
		whole := len(recs) > 0 && recs[len(recs)-1].Receipt == last
		if whole || len(l.pending) > 0 || l.resumed || l.drained || !l.receive(ctx, nil) {
			return recs
		}
	}
}

// gather returns the records of the next batch. There are none if ctx has ended, no more will come, or a window is to be
// closed.
func (l *lane) gather(ctx context.Context) []esm.Record {
	var batch policy.Batch
	for {
		batch = l.join(batch)
		if l.feed.Batching.Ready(batch, time.Now()) || l.drained || len(batch.Records) == 0 && l.windowDue() {
			return batch.Records
		}
		var timeout <-chan time.Time
		if len(batch.Records) > 0 {
			timeout = time.After(l.feed.Batching.Wait(batch, time.Now()))
		}
		if !l.receive(ctx, timeout) {
			return nil
		}
	}
}

// receive waits for the next part, for the end of them, or for timeout. It returns false if ctx has ended.
func (l *lane) receive(ctx context.Context, timeout <-chan time.Time) bool {
	select {
	case p, open := <-l.inbox:
		if len(l.pending) == 0 {
			l.pending = p.recs
		} else {
			l.pending = append(l.pending, p.recs...)
		}
		l.drained = !open
		l.resumed = l.resumed || p.past
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

// join moves pending records to the batch: up to the end of the window, and up to a record that is too large for any batch,
// which becomes a batch of its own.
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
	batch, overflow, _ := batching.Add(batch, l.pending[:fit], time.Now())
	batch.Full = batch.Full || fit < len(l.pending) && len(batch.Records) > 0
	joined := fit - len(overflow)
	clear(l.pending[:joined]) // the batch has them
	l.pending = l.pending[joined:]
	return batch
}

func (l *lane) origin() policy.Origin {
	return policy.Origin{Mapping: l.feed.Mapping, FunctionArn: l.feed.FunctionArn, Source: l.shard.source, Shard: l.shard.id}
}
