package engine

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/esm-run/esm"
	"github.com/esm-run/esm/engine/policy"
	"github.com/esm-run/esm/trace"
)

// Deletes that fail are tried again this often, with growing pauses: then the record comes back.
const deleteTries = 4

// deliver invokes the function with a batch, again and again while it does not run and the batch may wait, and settles
// the records.
func (p *poller) deliver(work context.Context, recs []esm.Record) {
	err := p.reserve(work, p.Rules.PermitBy(recs, time.Now()))
	p.passOn() // not before: the next poller could take the permit and receive still more
	if err != nil {
		p.giveUp(recs, trace.ReasonNoPermit, err)
		p.refusals.count(errors.Is(err, esm.ErrRefused), p.Scale)
		return
	}
	call := esm.Call{ID: uuid.NewString(), Function: p.Function, Payload: p.Batching.Event(recs)}
	for tries, stalls := 1, 0; ; tries++ {
		outcome := p.invoke(work, call, recs, tries)
		if outcome.Verdict == trace.NotRun {
			stalls++
		}
		end := p.Rules.After(recs, outcome, stalls, time.Now())
		if !end.Retry {
			p.release()
			p.refusals.count(end.Slow, p.Scale)
			p.settle(work, end, outcome)
			return
		}
		if !sleep(work, end.Wait) {
			p.giveUp(recs, trace.ReasonStopping, nil)
			return
		}
	}
}

// reserve takes a permit unless one is in hand, and waits for it until the records are about to return.
func (p *poller) reserve(work context.Context, until time.Time) error {
	if p.slot != nil || until.IsZero() {
		return p.permit(work)
	}
	ctx, cancel := context.WithDeadline(work, until)
	defer cancel()
	return p.permit(ctx)
}

func (p *poller) invoke(work context.Context, call esm.Call, recs []esm.Record, tries int) policy.Outcome {
	p.Trace.Emit(trace.Invoking{Mapping: p.Mapping, Function: p.Function, ID: call.ID, Records: recs})
	began := time.Now()
	resp, err := p.slot.Invoke(work, call)
	outcome := policy.Late(policy.ReadOutcome(recs, resp, err, p.Report), recs, time.Now())
	p.Trace.Emit(trace.Invoked{
		Mapping: p.Mapping, Function: p.Function, ID: call.ID, Records: recs, Took: time.Since(began), Tries: tries,
		Verdict: outcome.Verdict, Reason: outcome.Reason, Failed: outcome.Failed, Detail: outcome.Detail,
	})
	p.load.note(func(l *load) { l.seen.Count(outcome) })
	return outcome
}

// settle carries out what was decided. Records of a FIFO group whose earlier message is left, or could not be deleted,
// are not carried into the next batch.
func (p *poller) settle(work context.Context, end policy.Disposal, outcome policy.Outcome) {
	left := slices.Concat(end.Left, p.remove(work, end.Delete, false))
	p.leave(end.Left, outcome.Reason, nil)
	p.unblock(left)
}

// giveUp leaves a whole batch that was not run.
func (p *poller) giveUp(recs []esm.Record, reason trace.Reason, err error) {
	p.leave(recs, reason, err)
	p.unblock(recs)
}

func (p *poller) unblock(left []esm.Record) {
	pass, blocked := policy.Unblocked(p.carry, left)
	p.carry = pass
	p.leave(blocked, trace.ReasonGroupBlocked, nil)
}

func (p *poller) leave(recs []esm.Record, reason trace.Reason, err error) {
	if len(recs) > 0 {
		p.Trace.Emit(trace.Left{Mapping: p.Mapping, Records: recs, Reason: reason, Err: err})
	}
}

// remove deletes records and returns those that stay after all.
func (p *poller) remove(work context.Context, recs []esm.Record, filtered bool) []esm.Record {
	pause := pauses(p.Scale)
	for try := 1; len(recs) > 0; try++ {
		left, err := p.Queue.Delete(work, recs)
		if gone := without(recs, left); len(gone) > 0 {
			p.Trace.Emit(trace.Deleted{Mapping: p.Mapping, Records: gone, Filtered: filtered})
		}
		recs = left
		if len(left) > 0 && (try == deleteTries || !sleep(work, pause.NextBackOff())) {
			p.leave(left, trace.ReasonDeleteFailed, err)
			break
		}
	}
	return recs
}

// without returns those of recs that are not in left, told by their receipts.
func without(recs, left []esm.Record) []esm.Record {
	if len(left) == 0 {
		return recs
	}
	stays := make(map[string]bool, len(left))
	for _, r := range left {
		stays[r.Receipt] = true
	}
	var gone []esm.Record
	for _, r := range recs {
		if !stays[r.Receipt] {
			gone = append(gone, r)
		}
	}
	return gone
}
