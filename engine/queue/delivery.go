package queue

import (
	"cmp"
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

// deleteTries is how often a delete is tried before the records are left to return to the queue.
const deleteTries = 4

// deliver invokes the function with a batch, repeatedly while it does not run and the batch may wait, and settles the
// records. Once ctx has ended it does not repeat a try that did not run: it releases the records.
func (p *poller) deliver(ctx, work context.Context, recs []esm.Record) {
	err := p.permitFor(ctx, work, recs)
	p.passOn() // not before: the next poller could take the permit and receive still more
	if err != nil {
		p.abandon(ctx, work, recs, err)
		return
	}
	call := esm.Call{ID: uuid.NewString(), Function: p.feed.Function, Payload: p.feed.Batching.Event(recs), TraceHeader: p.traceHeader(recs)}
	for tries, stalls := 1, 0; ; tries++ {
		outcome := p.invoke(work, call, recs, tries)
		if outcome.Verdict == trace.NotRun {
			stalls++
		}
		end := p.feed.Rules.After(recs, outcome, stalls, time.Now())
		if end.Retry && retry.Sleep(ctx, end.Wait) {
			continue
		}
		p.returnPermit()
		p.set.refusals.count(end.Slow, p.feed.Scale)
		if end.Retry {
			p.giveBack(work, recs)
		} else {
			p.settle(work, end, outcome)
		}
		return
	}
}

// traceHeader returns the trace header of an invocation with recs. If they bring none, it is the first of a chain.
func (p *poller) traceHeader(recs []esm.Record) string {
	header := policy.BatchHeader(recs, p.feed.Function)
	return policy.Advance(cmp.Or(header, esm.NewTraceHeader(time.Now())), p.feed.Function)
}

// abandon ends a batch that got no permit.
func (p *poller) abandon(ctx, work context.Context, recs []esm.Record, err error) {
	if ctx.Err() != nil {
		p.giveBack(work, recs)
		return
	}
	p.leave(recs, trace.ReasonNoPermit, err)
	p.unblock(recs)
	p.set.refusals.count(errors.Is(err, esm.ErrRefused), p.feed.Scale)
}

func (p *poller) invoke(work context.Context, call esm.Call, recs []esm.Record, tries int) policy.Outcome {
	f := p.feed
	f.Trace.Emit(trace.Invoking{Mapping: f.Mapping, Function: f.Function, ID: call.ID, Records: recs})
	began := time.Now()
	resp, err := p.slot.Invoke(work, call)
	outcome := policy.Late(policy.ReadOutcome(recs, resp, err, f.Report), recs, time.Now())
	f.Trace.Emit(trace.Invoked{
		Mapping: f.Mapping, Function: f.Function, ID: call.ID, Records: recs, Took: time.Since(began), Tries: tries,
		Verdict: outcome.Verdict, Reason: outcome.Reason, Failed: outcome.Failed, Detail: outcome.Detail,
	})
	p.set.load.note(func(l *load) { l.seen.Count(outcome) })
	return outcome
}

// settle carries out a decision. Records of a FIFO group whose earlier message is left, or could not be deleted, do not join
// the next batch.
func (p *poller) settle(work context.Context, end policy.Disposal, outcome policy.Outcome) {
	left := slices.Concat(end.Left, p.remove(work, end.Delete, false))
	p.leave(end.Left, outcome.Reason, nil)
	p.unblock(left)
}

// unblock leaves the records kept for the next batch that must not overtake records that were left.
func (p *poller) unblock(left []esm.Record) {
	pass, blocked := policy.Unblocked(p.overflow, left)
	p.overflow = pass
	p.leave(blocked, trace.ReasonGroupBlocked, nil)
}

func (p *poller) leave(recs []esm.Record, reason trace.Reason, err error) {
	if len(recs) > 0 {
		p.feed.Trace.Emit(trace.Left{Mapping: p.feed.Mapping, Records: recs, Reason: reason, Err: err})
	}
}

// remove deletes records and returns those that could not be deleted.
func (p *poller) remove(work context.Context, recs []esm.Record, filtered bool) []esm.Record {
	if len(recs) == 0 {
		return nil
	}
	var err error
	tries := 0
	retry.Keep(work, p.feed.Scale, func() (more bool, _ error) {
		var left []esm.Record
		left, err = p.feed.Queue.Delete(work, recs)
		if gone := without(recs, left); len(gone) > 0 {
			p.feed.Trace.Emit(trace.Deleted{Mapping: p.feed.Mapping, Records: gone, Filtered: filtered})
		}
		recs = left
		tries++
		return len(left) > 0 && tries < deleteTries, err
	}, nil)
	p.leave(recs, trace.ReasonDeleteFailed, err)
	return recs
}

// without returns the records of recs whose receipts are not in left.
func without(recs, left []esm.Record) []esm.Record {
	if len(left) == 0 {
		return recs
	}
	stays := make(map[string]bool, len(left))
	for _, r := range left {
		stays[r.Receipt] = true
	}
	return slices.DeleteFunc(slices.Clone(recs), func(r esm.Record) bool { return stays[r.Receipt] })
}
