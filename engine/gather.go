package engine

import (
	"context"
	"time"

	"github.com/esm-run/esm"
	"github.com/esm-run/esm/engine/policy"
	"github.com/esm-run/esm/trace"
)

// gather fills a batch and returns once it is to be invoked, or is empty and there is nothing to be had. A batch that an
// error or the end of the poller cuts short is returned as it is: it is in hand.
func (p *poller) gather(ctx, work context.Context) (policy.Batch, error) {
	batch, over := p.resume()
	if over {
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
		if p.Batching.Ready(batch, time.Now()) {
			return batch, nil
		}
	}
	return batch, nil
}

// resume starts a batch with what did not fit into the last one. Over says that nothing may join it any more.
func (p *poller) resume() (batch policy.Batch, over bool) {
	if len(p.carry) == 0 {
		return policy.Batch{}, false
	}
	carry, returned := policy.Current(p.carry, time.Now())
	p.carry = nil
	p.leave(returned, trace.ReasonReturned, nil)
	batch = p.join(batch, carry)
	return batch, len(p.carry) > 0 || p.Batching.Ready(batch, time.Now())
}

// receive asks the queue once. With a permit in hand it does not wait for records to arrive, since the permit would keep
// others waiting; without one it waits as long as the batch may.
func (p *poller) receive(ctx, work context.Context, batch policy.Batch) ([]esm.Record, error) {
	call, wait := ctx, time.Duration(0)
	if p.slot == nil {
		wait = p.Batching.Wait(batch, time.Now())
	}
	if wait < time.Second {
		if !sleep(ctx, wait) {
			return nil, nil
		}
		wait = 0
		short, end := linger(ctx, work)
		defer end()
		call = short
	}
	if p.pace != nil && !p.inTime(ctx) {
		return nil, nil
	}
	asked, began := p.Batching.Want(batch), time.Now()
	recs, err := p.Queue.Receive(call, asked, wait)
	if err != nil && call.Err() != nil {
		return nil, nil // the call was ended from here
	}
	p.Trace.Emit(trace.Received{Mapping: p.Mapping, Records: recs, Took: time.Since(began), Err: err})
	p.load.received(len(recs), asked)
	return recs, err
}

// inTime waits for the next receive that the provisioned poller may make. Those of others need not wait for it: one of
// them may scout meanwhile.
func (p *poller) inTime(ctx context.Context) bool {
	if p.pace.Tokens() < 1 {
		p.passOn()
	}
	return p.pace.Wait(ctx) == nil
}

// idle is called when a receive came back empty. It gives up the permit and reports whether the turn is over: an empty
// batch is given up too, unless this poller is the scout and has not yet waited.
func (p *poller) idle(batch policy.Batch) bool {
	waited := p.slot == nil
	p.release()
	return len(batch.Records) == 0 && (waited || !p.scout)
}

// join adds records to the batch. What does not fit is carried over to the next.
func (p *poller) join(batch policy.Batch, recs []esm.Record) policy.Batch {
	batch, carry, oversized := p.Batching.Add(batch, recs, time.Now())
	p.carry = carry
	p.leave(oversized, trace.ReasonRecordTooLarge, nil)
	return batch
}

// sift returns the records that a filter wants, and deletes the others at once.
func (p *poller) sift(work context.Context, recs []esm.Record) []esm.Record {
	if p.Filter == nil {
		return recs
	}
	var wanted, unwanted []esm.Record
	for _, r := range recs {
		if p.Filter.Match(view(r)) {
			wanted = append(wanted, r)
		} else {
			unwanted = append(unwanted, r)
		}
	}
	if len(unwanted) > 0 {
		p.Trace.Emit(trace.Filtered{Mapping: p.Mapping, Records: unwanted})
		p.remove(work, unwanted, true)
	}
	return wanted
}

func view(r esm.Record) []byte {
	if r.View != nil {
		return r.View
	}
	return r.Event
}

// unlessEnded drops an error that comes of the end of ctx.
func unlessEnded(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return nil
	}
	return err
}
