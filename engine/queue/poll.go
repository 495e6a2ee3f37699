package queue

import (
	"context"
	"errors"
	"time"

	"github.com/esm-run/esm"
	"github.com/esm-run/esm/engine/policy"
	"github.com/esm-run/esm/engine/retry"
	"github.com/esm-run/esm/trace"
)

// answerWithin is how long after its wait a poll may take to answer once the feed is to stop, and how long a release may
// take.
const answerWithin = 5 * time.Second

// errHasty reports an endpoint whose long polls do not wait.
var errHasty = errors.New("the queue answers empty long polls at once instead of waiting for messages; polling is slowed down: " +
	"check that the endpoint supports WaitTimeSeconds")

// receive asks the queue once. With a permit in hand it does not wait for records to arrive, since other functions may need
// the permit; without one it waits as long as the batch may.
//
// The end of ctx does not cut the poll short, because the service may hand the next messages to a connection that is closed
// and then hide them. Messages that arrive after the end of ctx are released.
func (p *poller) receive(ctx, work context.Context, batch policy.Batch) ([]esm.Record, error) {
	wait := time.Duration(0)
	if p.slot == nil {
		wait = min(p.feed.Batching.Wait(batch, time.Now()), p.feed.pollWait())
	}
	if wait < time.Second { // queues wait for whole seconds
		if !retry.Sleep(ctx, wait) {
			return nil, nil
		}
		wait = 0
	}
	if p.pace != nil && !p.inTime(ctx) {
		return nil, nil
	}
	call, end := retry.Linger(ctx, work, wait+answerWithin)
	defer end()
	asked, began := p.feed.Batching.Want(batch), time.Now()
	p.set.returns.add(nil, 1)
	recs, err := p.feed.Queue.Receive(call, asked, wait)
	stopped, took := ctx.Err() != nil, time.Since(began)
	if err == nil || call.Err() == nil { // otherwise ended from here
		p.feed.Trace.Emit(trace.Received{Mapping: p.feed.Mapping, Records: recs, Took: took, Err: err})
		p.set.load.received(len(recs), asked)
	}
	if stopped {
		p.release(work, p.set.returns.add(recs, -1))
		return nil, nil
	}
	p.release(work, p.set.returns.add(nil, -1))
	if err == nil {
		p.slowDown(ctx, len(recs), wait, took)
	}
	return recs, err
}

// inTime waits for the next receive that the provisioned poller may make. Meanwhile another poller may scout.
func (p *poller) inTime(ctx context.Context) bool {
	if p.pace.Tokens() < 1 {
		p.passOn()
	}
	return p.pace.Wait(ctx) == nil
}

// slowDown pauses after a long poll that returned nothing far sooner than its wait: longer from one such poll to the next,
// but never longer than the poll should have lasted. It reports the first, until a poll lasts.
func (p *poller) slowDown(ctx context.Context, records int, wait, took time.Duration) {
	switch {
	case records > 0:
		p.hasty = nil
		return
	case wait == 0:
		return
	case took >= wait/2:
		p.hasty = nil
		p.set.slowed.Store(false)
		return
	}
	if !p.set.slowed.Swap(true) {
		p.feed.Trace.Emit(trace.Slowed{Mapping: p.feed.Mapping, Err: errHasty})
	}
	if p.hasty == nil {
		p.hasty = retry.NewPauses(p.feed.Scale)
	}
	retry.Sleep(ctx, min(p.hasty.Next(), wait-took))
}
