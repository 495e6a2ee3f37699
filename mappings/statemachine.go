package mappings

import (
	"context"
	"time"

	"github.com/esm-run/esm/config"
)

// retryPause is the time after which failed work is repeated.
const retryPause = 2 * time.Second

// execution is the state of a mapping in the runner.
type execution struct {
	running *config.Mapping // what runs; nil if nothing does
	ready   <-chan struct{} // of what runs
	settled <-chan struct{} // of what was stopped last; nil if nothing was
}

// updateState returns the state that an update leads through.
func updateState(wasEnabled, enabled bool) string {
	switch {
	case enabled && !wasEnabled:
		return Enabling
	case wasEnabled && !enabled:
		return Disabling
	}
	return Updating
}

// transition puts e into a state, and has the reconciler lead it out of the state. The mutex is held.
func (r *Register) transition(e *entry, state string) {
	e.state = state
	e.version++
	if e.active {
		select {
		case e.changed <- struct{}{}:
		default:
		}
		return
	}
	e.active = true
	r.spawn(func() { r.reconcile(e) })
}

// reconcile calls the runner until what runs agrees with the durable mapping. Each entry has at most one reconciler, and only
// that calls the runner for it.
func (r *Register) reconcile(e *entry) {
	for {
		r.mu.Lock()
		version, m, deleting := e.version, e.mapping, e.state == Deleting
		r.mu.Unlock()
		if deleting {
			r.remove(e)
			return
		}
		reached := false
		if *m.Enabled {
			reached = r.run(e, m)
		} else {
			reached = r.stop(e)
		}
		if r.life.Err() != nil || reached && r.settle(e, version) {
			return
		}
	}
}

// settle puts e into its final state and ends the reconciler, unless there was another transition.
func (r *Register) settle(e *entry, version int) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if e.version != version {
		return false
	}
	e.active, e.state = false, Disabled
	if *e.mapping.Enabled {
		e.state = Enabled
	}
	return true
}

// run runs m and waits until it is ready. It returns false after a failure, and when a transition interrupts it.
func (r *Register) run(e *entry, m config.Mapping) bool {
	if e.running == nil && !r.stop(e) {
		return false
	}
	if e.running == nil || !sameWork(*e.running, m) {
		ready, err := r.config.Runner.Run(m)
		if err != nil {
			r.config.Retrying(m, err)
			await(r.life, time.After(retryPause), e.changed)
			return false
		}
		e.running, e.ready = &m, ready
	}
	return await(r.life, e.ready, e.changed)
}

// stop stops what runs, if anything does, and waits until its batches in hand are settled. It returns false when a
// transition interrupts it.
func (r *Register) stop(e *entry) bool {
	if e.running != nil {
		e.running, e.settled = nil, r.config.Runner.Stop(e.uuid)
	}
	return e.settled == nil || await(r.life, e.settled, e.changed)
}

// await waits for done and returns true. It returns false when ctx ends or interrupt has a token.
func await[T any](ctx context.Context, done <-chan T, interrupt <-chan struct{}) bool {
	select {
	case <-done:
		return true
	case <-interrupt:
	case <-ctx.Done():
	}
	return false
}

// remove stops a deleted mapping, deletes its positions, and removes it from the register. If deleting the positions fails,
// the mapping is removed anyway, and remove retries.
func (r *Register) remove(e *entry) {
	for !r.stop(e) {
		if r.life.Err() != nil {
			return
		}
	}
	err := r.forget(e)
	r.mu.Lock()
	delete(r.entries, e.uuid)
	r.unclaim(e.pair, e.uuid)
	r.mu.Unlock()
	for err != nil {
		r.config.Retrying(e.mapping, err)
		if !await(r.life, time.After(retryPause), nil) {
			return
		}
		err = r.forget(e)
	}
}

// forget forgets the positions of a deleted mapping, and then that they were to be forgotten. Nothing else changes the row
// of a deleted mapping.
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
