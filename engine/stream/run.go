package stream

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/esm-run/esm"
	"github.com/esm-run/esm/engine/policy"
	"github.com/esm-run/esm/engine/retry"
	"github.com/esm-run/esm/trace"
)

// finish carries runs to their end, one after another, with the runs that they become, and the final invocation of a window
// before them if that is due. It returns early when ctx ends: no invocation starts after that, and the runs that are left
// are durable.
func (l *lane) finish(ctx, work context.Context, runs []policy.Run) error {
	for l.left = runs; ctx.Err() == nil; {
		run, more, err := l.next(ctx, work)
		if err != nil || !more {
			return err
		}
		step, state, err := l.step(ctx, work, run)
		if err != nil {
			return err
		}
		step = l.withWindow(step, state)
		if err := l.apply(ctx, work, run, step); err != nil {
			return err
		}
		retry.Sleep(ctx, step.Wait)
	}
	return nil
}

// next returns the run to invoke next, with an ID. That a window's final invocation is due is durable before its first try.
func (l *lane) next(ctx, work context.Context) (run policy.Run, more bool, err error) {
	if l.windowFinal() && (len(l.left) == 0 || !isFinal(l.left[0])) {
		l.left = slices.Insert(l.left, 0, policy.FinalRun(*l.window))
	}
	if len(l.left) == 0 {
		return policy.Run{}, false, nil
	}
	if l.left[0].ID == "" {
		l.left[0].ID = uuid.NewString()
	}
	run = l.left[0]
	if isFinal(run) && l.window.ID == "" {
		window := l.feed.Tumbling.Close(*l.window, run.ID)
		l.window = &window
		err = l.settle(ctx, work, nil)
	}
	return run, true, err
}

// isFinal reports whether a run is the final invocation of a window, which has no records.
func isFinal(run policy.Run) bool { return len(run.Records) == 0 }

// apply carries out a step: it sends the notice of what is dropped, then makes durable what is settled and what is left. A
// crash in between repeats the notice and loses nothing.
func (l *lane) apply(ctx, work context.Context, run policy.Run, step policy.Step) error {
	if step.Why != "" {
		if err := l.drop(ctx, work, run, step); err != nil {
			return err
		}
	}
	l.left = append(slices.Clone(step.Next), l.left[1:]...)
	if step.Window != nil {
		l.window = step.Window
	}
	if repeats(run, step) && !l.unconfirmed {
		return nil // it did not run: nothing has changed
	}
	if err := l.settle(ctx, work, step.Settled); err != nil {
		return err
	}
	if len(step.Settled) > 0 {
		l.feed.Trace.Emit(trace.Settled{
			Mapping: l.feed.Mapping, Shard: l.shard.id, Records: step.Settled, Position: l.ledger.position(),
		})
	}
	return nil
}

// repeats reports whether a step leaves a run as it is, so that nothing needs to be saved.
func repeats(run policy.Run, step policy.Step) bool {
	return len(step.Settled) == 0 && len(step.Next) == 1 &&
		step.Next[0].Tries == run.Tries && len(step.Next[0].Records) == len(run.Records)
}

// settle returns when it is durable which records are settled, which runs are left and which window is open. While that
// cannot be saved, as on a full disk, it tries again: the function has done its part and is not invoked again.
func (l *lane) settle(ctx, work context.Context, settled []esm.Record) error {
	change, err := l.ledger.note(l.n, settled, l.left, l.window)
	if err != nil {
		return err
	}
	l.unconfirmed = false
	return l.insist(ctx, func() error { return l.ledger.save(work, change) })
}

// insist calls do until it succeeds, the checkpoint turns out to have been changed elsewhere, or ctx ends, but at least once.
func (l *lane) insist(ctx context.Context, do func() error) (err error) {
	retry.Keep(ctx, l.feed.Scale, func() (more bool, _ error) {
		err = do()
		return err != nil && !errors.Is(err, esm.ErrConflict), err
	}, l.shard.failing)
	return err
}

// counted returns the lane's pending runs and its window, with run in place of the first of them.
func (l *lane) counted(run policy.Run) ([]policy.Run, *esm.Window) {
	window := l.window
	if isFinal(run) {
		tried := *window
		tried.Tries = run.Tries
		window = &tried
	}
	return append([]policy.Run{run}, l.left[1:]...), window
}

// drop sends the notice of records that are given up until the destination has accepted it. The last try is counted before
// that, so that a crash meanwhile does not cost another invocation.
func (l *lane) drop(ctx, work context.Context, run policy.Run, step policy.Step) error {
	f := l.feed
	f.Trace.Emit(trace.Dropped{Mapping: f.Mapping, Shard: l.shard.id, Records: step.Dropped, Why: step.Why, Tries: step.Count})
	if f.Destination == nil {
		return nil
	}
	run, tried := policy.Counted(run, step)
	if tried {
		l.left, l.window = l.counted(run)
		if err := l.settle(ctx, work, nil); err != nil {
			return err
		}
	}
	notice := l.notice(run, step)
	return l.insist(ctx, func() error { return f.Destination.Send(work, notice) })
}

// notice returns the notice of what step drops. It has the same ID when it is sent again after a crash, unless the run had never
// been saved: records that expired before their first try.
func (l *lane) notice(run policy.Run, step policy.Step) esm.Notice {
	n := l.origin().Notice(run, step, time.Now())
	n.ID = uuid.NewSHA1(uuid.NameSpaceOID, []byte(l.feed.Mapping+l.shard.id+run.ID+n.Stream.First.SequenceNumber)).String()
	n.Payload = l.batching().Event(step.Dropped)
	if l.window != nil {
		n.Stream.Window = l.feed.Tumbling.Notice(*l.window)
	}
	return n
}
