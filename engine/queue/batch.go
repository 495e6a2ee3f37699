package queue

import (
	"context"
	"time"

	"github.com/esm-run/esm"
	"github.com/esm-run/esm/engine/policy"
	"github.com/esm-run/esm/trace"
)

// gather fills a batch. It returns when the batch is to be invoked, or is empty and the queue is too. A batch that an error
// or the end of the poller cuts short is returned as it is.
func (p *poller) gather(ctx, work context.Context) (policy.Batch, error) {
	batch, closed := p.resume()
	if closed {
		return batch, nil
	}
	if len(batch.Records) == 0 {
		if err := p.permit(ctx); err != nil {
			return batch, unlessEnded(ctx, err)
		}
	}
	for !p.ending(ctx) {
		recs, err := p.receive(ctx, work, batch)
		if err != nil {
			return batch, unlessEnded(ctx, err)
		}
		if len(recs) > 0 {
			batch = p.join(batch, p.sift(work, recs))
		} else if p.idle(batch) {
			return batch, nil
		}
		if p.feed.Batching.Ready(batch, time.Now()) {
			return batch, nil
		}
	}
	return batch, nil
}

// resume starts a batch with the records that did not fit into the last one. It reports whether the batch is closed already.
func (p *poller) resume() (batch policy.Batch, closed bool) {
	if len(p.overflow) == 0 {
		return policy.Batch{}, false
	}
	overflow, returned := policy.Current(p.overflow, time.Now())
	p.overflow = nil
	p.leave(returned, trace.ReasonReturned, nil)
	batch = p.join(batch, overflow)
	return batch, len(p.overflow) > 0 || p.feed.Batching.Ready(batch, time.Now())
}

// idle handles an empty receive. It gives up the permit and reports whether the turn is over: an empty batch is given up
// too, unless this poller is the scout and has not waited yet.
func (p *poller) idle(batch policy.Batch) bool {
	waited := p.slot == nil
	p.returnPermit()
	return len(batch.Records) == 0 && (waited || !p.scout)
}

// join adds records to the batch, and keeps what does not fit for the next.
func (p *poller) join(batch policy.Batch, recs []esm.Record) policy.Batch {
	batch, overflow, oversized := p.feed.Batching.Add(batch, recs, time.Now())
	p.overflow = overflow
	p.leave(oversized, trace.ReasonRecordTooLarge, nil)
	return batch
}

// sift returns the records that match the filter, and deletes the rest. It leaves those that continue a loop.
func (p *poller) sift(work context.Context, recs []esm.Record) []esm.Record {
	if p.feed.Filter != nil {
		recs = p.match(work, recs)
	}
	if f := p.feed; f.AllowsRecursion == nil || !f.AllowsRecursion() {
		return p.stopLoops(recs)
	}
	return recs
}

// stopLoops leaves the records that the function has caused itself too often. They return to the queue, whose redrive policy
// counts their receives (AWS: "Use Lambda recursive loop detection to prevent infinite loops").
func (p *poller) stopLoops(recs []esm.Record) []esm.Record {
	recs, stopped := policy.SplitLoops(recs, p.feed.Function)
	if len(stopped) > 0 {
		p.feed.Trace.Emit(trace.RecursionStopped{Function: p.feed.Function, Count: len(stopped)})
		p.leave(stopped, trace.ReasonRecursive, nil)
	}
	return recs
}

// match returns the records that match the filter, and deletes the rest.
func (p *poller) match(work context.Context, recs []esm.Record) []esm.Record {
	var wanted, unwanted []esm.Record
	for _, r := range recs {
		if p.feed.Filter.Match(r.FilterView()) {
			wanted = append(wanted, r)
		} else {
			unwanted = append(unwanted, r)
		}
	}
	if len(unwanted) > 0 {
		p.feed.Trace.Emit(trace.Filtered{Mapping: p.feed.Mapping, Records: unwanted})
		p.remove(work, unwanted, true)
	}
	return wanted
}

// unlessEnded returns err unless ctx has ended, which explains it.
func unlessEnded(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return nil
	}
	return err
}
