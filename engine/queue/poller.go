package queue

import (
	"context"
	"time"

	"golang.org/x/time/rate"

	"github.com/esm-run/esm"
	"github.com/esm-run/esm/engine/retry"
	"github.com/esm-run/esm/trace"
)

// permitWithin is how long a batch that was gathered before the feed was stopped may wait for a permit.
const permitWithin = 100 * time.Millisecond

// poller is one straight loop: permit, gather, filter, invoke, decide, delete. Its fields are owned by run.
type poller struct {
	feed    *Feed
	set     *set
	retired chan struct{} // closed by the set when the poller is to end
	pace    *rate.Limiter // nil is no limit

	busy     bool         // the last batch was not cut short by its window: there may be more
	scout    bool         // the token of scouting is in hand
	slot     esm.Slot     // the permit in hand, or nil
	overflow []esm.Record // filtered, and did not fit into the last batch

	hasty *retry.Pauses // between empty answers that come too soon; nil while the last was none
}

// run takes turns until the poller is to end, and then finishes what it has in hand.
func (p *poller) run(ctx, work context.Context) {
	turn := func() (bool, error) { return p.turn(ctx, work) }
	retry.Keep(ctx, p.feed.Scale, turn, func(err error, wait time.Duration) {
		p.feed.Trace.Emit(trace.Failing{Mapping: p.feed.Mapping, Err: err, Wait: wait})
	})
	p.passOn()
	for len(p.overflow) > 0 && work.Err() == nil {
		_, _ = p.turn(ctx, work) // the error was reported; nothing is tried again
	}
	p.leave(p.overflow, trace.ReasonStopping, nil)
}

// turn handles one batch from receiving to settling. It returns more=false when the poller is to end.
func (p *poller) turn(ctx, work context.Context) (more bool, err error) {
	if !p.awake(ctx) {
		return false, nil
	}
	retry.Sleep(ctx, p.set.refusals.pause())
	p.set.load.note(func(l *load) { l.working++ })
	defer p.set.load.note(func(l *load) { l.working-- })
	defer p.returnPermit()
	batch, err := p.gather(ctx, work)
	p.busy = batch.Full || len(batch.Records) > 0 && p.feed.Batching.Window == 0
	if len(batch.Records) > 0 {
		p.deliver(ctx, work, batch.Records)
	}
	return !p.ending(ctx), err
}

// awake blocks while this poller has nothing to do. It returns false when the poller is to end.
func (p *poller) awake(ctx context.Context) bool {
	if p.busy || p.scout || len(p.overflow) > 0 {
		return true
	}
	select {
	case <-p.set.scouting:
		p.scout = true
		return true
	case <-p.retired:
		return false
	case <-ctx.Done():
		return false
	}
}

// ending reports whether the poller is to receive no more.
func (p *poller) ending(ctx context.Context) bool {
	select {
	case <-p.retired:
		return true
	case <-ctx.Done():
		return true
	default:
		return false
	}
}

// passOn lets another poller scout, if this one does.
func (p *poller) passOn() {
	if p.scout {
		p.scout = false
		p.set.scouting <- struct{}{}
	}
}

// permit takes a permit unless one is in hand. It blocks until it has one or ctx ends.
func (p *poller) permit(ctx context.Context) error {
	if p.slot != nil {
		return nil
	}
	p.set.load.note(func(l *load) { l.waiting++ })
	defer p.set.load.note(func(l *load) { l.waiting-- })
	slot, err := p.feed.Invoker.Reserve(ctx, p.feed.Function)
	if err != nil {
		return err
	}
	p.slot = slot
	return nil
}

// permitFor is permit for records that are in hand: it gives up when they are about to return to the queue, and soon after
// ctx has ended.
func (p *poller) permitFor(ctx, work context.Context, recs []esm.Record) error {
	if p.slot != nil {
		return nil
	}
	call, end := retry.Linger(ctx, work, permitWithin)
	defer end()
	if until := p.feed.Rules.PermitBy(recs, time.Now()); !until.IsZero() {
		bounded, cancel := context.WithDeadline(call, until)
		defer cancel()
		call = bounded
	}
	return p.permit(call)
}

// returnPermit gives up the permit in hand, if there is one.
func (p *poller) returnPermit() {
	if p.slot != nil {
		p.slot.Release()
		p.slot = nil
	}
}
