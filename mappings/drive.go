package mappings

import (
	"time"

	"github.com/esm-run/esm/config"
)

// again is how long it takes until what failed is tried again.
const again = 2 * time.Second

// driver is what is known of the runner: what it was asked for and has not been told to stop, and when it will have done
// so. A channel that is nil is done with.
type driver struct {
	runs  *config.Mapping // nil when nothing does
	began <-chan struct{} // what runs
	over  <-chan struct{} // what was stopped last
}

// want makes state the one that e goes through, towards what is durable, and has it driven there. The mutex is held.
func (r *Register) want(e *entry, state string) {
	e.state = state
	e.turn++
	if e.driven {
		select {
		case e.news <- struct{}{}:
		default:
		}
		return
	}
	e.driven = true
	r.spawn(func() { r.drive(e) })
}

// drive has the runner do what is wanted of e, and brings e into the state that goes with it. Of each entry there is one
// driver at most, and nobody else calls the runner for it.
func (r *Register) drive(e *entry) {
	for {
		r.mu.Lock()
		turn, m, deleting := e.turn, e.mapping, e.state == Deleting
		r.mu.Unlock()
		reached := false
		switch {
		case deleting:
			r.remove(e)
			return
		case *m.Enabled:
			reached = r.run(e, m)
		default:
			reached = r.stop(e)
		}
		if r.life.Err() != nil || reached && r.arrive(e, turn) {
			return
		}
	}
}

// run has m run, and says whether it does: not so when something else is wanted before, or after a failure.
func (r *Register) run(e *entry, m config.Mapping) bool {
	if e.runs == nil && !r.await(e, e.over) {
		return false
	}
	if e.runs == nil || !sameWork(*e.runs, m) {
		began, err := r.config.Runner.Run(m)
		if err != nil {
			r.config.Trouble(m, err)
			r.idle(e)
			return false
		}
		e.runs, e.began = &m, began
	}
	return r.await(e, e.began)
}

// stop has nothing run, and says whether what was in hand is settled.
func (r *Register) stop(e *entry) bool {
	if e.runs != nil {
		e.runs, e.over = nil, r.config.Runner.Stop(e.uuid)
	}
	return r.await(e, e.over)
}

// await waits until done is closed, and says so; it gives up when something else is wanted.
func (r *Register) await(e *entry, done <-chan struct{}) bool {
	if done == nil {
		return true
	}
	select {
	case <-done:
		return true
	case <-e.news:
	case <-r.life.Done():
	}
	return false
}

// idle waits before something is tried again.
func (r *Register) idle(e *entry) {
	select {
	case <-time.After(again):
	case <-e.news:
	case <-r.life.Done():
	}
}

// arrive ends the driving, unless another turn was taken meanwhile.
func (r *Register) arrive(e *entry, turn int) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if e.turn != turn {
		return false
	}
	e.driven, e.state = false, Disabled
	if *e.mapping.Enabled {
		e.state = Enabled
	}
	return true
}

// remove ends what runs for a mapping that is deleted, forgets its positions, and then the mapping. What cannot be
// forgotten now is tried again; nobody needs to wait for that.
func (r *Register) remove(e *entry) {
	for !r.stop(e) {
		if r.life.Err() != nil {
			return
		}
	}
	err := r.forget(e)
	r.mu.Lock()
	delete(r.entries, e.uuid)
	r.free(e.pair, e.uuid)
	r.mu.Unlock()
	for err != nil {
		r.config.Trouble(e.mapping, err)
		if !r.pause(again) {
			return
		}
		err = r.forget(e)
	}
}

// forget forgets the positions of a deleted mapping, and then that this was to be done. Nobody else changes the row of a
// mapping that is deleted.
func (r *Register) forget(e *entry) error {
	if err := r.config.Forget(r.life, e.uuid); err != nil {
		return err
	}
	var text []byte
	if left, ok := e.row.forgotten(); ok {
		text = left.encode()
	}
	return r.config.Store.Write(r.life, kind, map[string][]byte{e.uuid: text})
}

// deletedMapping is what can still be told about a mapping that was deleted.
func deletedMapping(uuid string, of row) config.Mapping {
	m := of.mapping()
	m.UUID = uuid
	return m
}
