package engine

import (
	"context"
	"time"

	"golang.org/x/time/rate"

	"github.com/esm-run/esm"
	"github.com/esm-run/esm/trace"
)

// poller is one straight loop: permit, gather, filter, invoke, decide, delete. Its fields are owned by run.
type poller struct {
	*crew
	retired chan struct{} // closed by the crew when the poller is to end
	pace    *rate.Limiter // nil is no limit

	busy  bool         // the last batch was not cut short by its window: there may be more
	scout bool         // the token of scouting is in hand
	slot  esm.Slot     // the permit in hand, or nil
	carry []esm.Record // filtered, and did not fit into the last batch
}

// run takes turns until the poller is to end, and then finishes what it has in hand.
func (p *poller) run(ctx, work context.Context) {
	turn := func() (bool, error) { return p.turn(ctx, work) }
	keep(ctx, p.Scale, turn, func(err error, wait time.Duration) {
		p.Trace.Emit(trace.Failing{Mapping: p.Mapping, Err: err, Wait: wait})
	})
	p.passOn()
	for len(p.carry) > 0 && work.Err() == nil {
		_, _ = p.turn(ctx, work) // told already; nothing will be tried again
	}
	p.leave(p.carry, trace.ReasonStopping, nil)
}

// turn carries one batch from the queue to its end. It reports false when the poller is to end.
func (p *poller) turn(ctx, work context.Context) (more bool, err error) {
	if !p.awake(ctx) {
		return false, nil
	}
	sleep(ctx, p.refusals.pause())
	p.load.note(func(l *load) { l.working++ })
	defer p.load.note(func(l *load) { l.working-- })
	defer p.release()
	batch, err := p.gather(ctx, work)
	p.busy = batch.Full || len(batch.Records) > 0 && p.Batching.Window == 0
	if len(batch.Records) > 0 {
		p.deliver(work, batch.Records)
	}
	return !p.ending(ctx), err
}

// awake blocks while this poller has nothing to do. It reports false when the poller is to end.
func (p *poller) awake(ctx context.Context) bool {
	if p.busy || p.scout || len(p.carry) > 0 {
		return true
	}
	select {
	case <-p.scouting:
		p.scout = true
		return true
	case <-p.retired:
		return false
	case <-ctx.Done():
		return false
	}
}

// ending reports whether the poller is to take no more.
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
		p.scouting <- struct{}{}
	}
}

// permit takes a permit unless one is in hand. It blocks until one can be had or ctx ends.
func (p *poller) permit(ctx context.Context) error {
	if p.slot != nil {
		return nil
	}
	p.load.note(func(l *load) { l.waiting++ })
	defer p.load.note(func(l *load) { l.waiting-- })
	slot, err := p.Invoker.Reserve(ctx, p.Function)
	if err != nil {
		return err
	}
	p.slot = slot
	return nil
}

// release gives up the permit in hand, if there is one.
func (p *poller) release() {
	if p.slot != nil {
		p.slot.Release()
		p.slot = nil
	}
}
