package engine

import (
	"context"
	"errors"
	"time"

	"github.com/google/uuid"

	"github.com/esm-run/esm"
	"github.com/esm-run/esm/engine/policy"
	"github.com/esm-run/esm/trace"
)

// What a lane does about a step that was decided.

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
		l.Trace.Emit(trace.Settled{Mapping: l.Mapping, Shard: l.id, Records: step.Settled, Position: l.book.position()})
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

// counted is what is owed, and the window that is open, with the tries that run has now and left behind it.
func (l *lane) counted(run policy.Run, left []policy.Run) ([]policy.Run, *esm.Window) {
	if len(run.Records) > 0 {
		return append([]policy.Run{run}, left...), l.window
	}
	window := *l.window
	window.Tries = run.Tries
	return left, &window
}

// count saves the last try of a run that is given up.
func (l *lane) count(ctx, work context.Context, run policy.Run, step policy.Step) error {
	run, tried := policy.Counted(run, step)
	if !tried {
		return nil
	}
	left, window := l.counted(run, l.left)
	l.window = window
	return l.settle(ctx, work, nil, left)
}

// drop tells the destination what is given up, until it has taken it: nothing is settled before.
func (l *lane) drop(ctx, work context.Context, run policy.Run, step policy.Step) error {
	l.Trace.Emit(trace.Dropped{Mapping: l.Mapping, Shard: l.id, Records: step.Dropped, Why: step.Why, Tries: step.Count})
	if l.Destination == nil {
		return nil
	}
	if err := l.count(ctx, work, run, step); err != nil {
		return err
	}
	notice := l.origin().Notice(run, step, time.Now())
	// The same notice has the same ID when it is sent again after a crash.
	notice.ID = uuid.NewSHA1(uuid.NameSpaceOID, []byte(l.Mapping+l.id+run.ID+notice.Stream.First.SequenceNumber)).String()
	notice.Payload = l.payload(step.Dropped)
	if l.window != nil {
		notice.Stream.Window = l.Tumbling.Notice(*l.window)
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
