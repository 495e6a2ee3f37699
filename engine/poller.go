package engine

import (
	"context"
	"time"

	"golang.org/x/time/rate"

	"github.com/esm-run/esm"
)

// poller is one straight loop: permit, gather, filter, invoke, decide, delete. Its fields are owned by run.
type poller struct {
	*crew
	stay   context.Context    // ends when the poller is to retire, or with ctx
	retire context.CancelFunc // Owned by the crew.
	pace   *rate.Limiter      // nil is no limit

	busy  bool         // the last batch was not cut short by its window: there may be more
	scout bool         // the token of scouting is in hand
	slot  esm.Slot     // the permit in hand, or nil
	carry []esm.Record // filtered, and did not fit into the last batch
}

// run takes turns until the poller is to retire, and then finishes what it has in hand.
func (p *poller) run() {
	defer p.retire()
	keep(p.stay, p.Scale, p.turn, func(err error, wait time.Duration) {
		p.Trace.Tell(esm.Failing{Mapping: p.Mapping, Err: err, Wait: wait})
	})
	p.passOn()
	for len(p.carry) > 0 && p.work.Err() == nil {
		_ = p.turn() // told already; nothing will be tried again
	}
}

// turn carries one batch from the queue to its end.
func (p *poller) turn() error {
	if !p.awake() || !sleep(p.stay, p.refusals.pause()) && len(p.carry) == 0 {
		return nil
	}
	p.load.note(func(l *load) { l.working++ })
	defer p.load.note(func(l *load) { l.working-- })
	defer p.release()
	batch, err := p.gather()
	p.busy = batch.Full || len(batch.Records) > 0 && p.Batching.Window == 0
	if len(batch.Records) > 0 {
		p.deliver(batch.Records)
	}
	return err
}

// awake blocks while this poller has nothing to do. It reports false when the poller is to retire.
func (p *poller) awake() bool {
	if p.busy || p.scout || len(p.carry) > 0 {
		return true
	}
	select {
	case <-p.scouting:
		p.scout = true
		return true
	case <-p.stay.Done():
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
