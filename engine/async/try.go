package async

import (
	"errors"
	"sync"
	"time"

	"github.com/esm-run/esm"
	"github.com/esm-run/esm/engine/policy"
)

// start starts the try of e under slot.
func (d *dispatcher) start(started *sync.WaitGroup, slot esm.Slot, rules policy.Async, e esm.Event) {
	held := d.pool(rules.Target)
	held.begin()
	d.runs(1)
	call := esm.Call{ID: e.ID, Function: e.Function, Payload: e.Payload, TraceHeader: rules.Header(e)}
	started.Go(func() { d.try(slot, held, e, call) })
}

// try invokes the function and saves what follows. A try that the end of work has interrupted is not saved: the event is
// tried again after the next start.
func (d *dispatcher) try(slot esm.Slot, held *pool, e esm.Event, call esm.Call) {
	began := time.Now()
	resp, err := slot.Invoke(d.r.work, call)
	defer d.r.beginSaving(len(e.Payload) + len(resp.Payload))()
	slot.Release()
	held.end()
	d.runs(-1)
	switch {
	case err != nil && d.r.work.Err() != nil:
		return
	case d.r.ctx.Err() != nil && errors.Is(err, esm.ErrNotRun):
		d.giveBack([]esm.Event{e})
		return
	}
	step := d.feed.rules(e.Function).After(e, resp, err, time.Now(), d.feed.dice())
	d.emit(step, began, true)
	d.save(step)
}
