package mappings

import (
	"context"

	"github.com/esm-run/esm/config"
)

// entry is one mapping of a register. The UUID never changes; the other fields are guarded by the register's mutex, except
// where they say otherwise.
type entry struct {
	uuid string

	// The durable mapping. Only the holder of the reservation changes these fields, and may read them without the mutex.
	row     row
	mapping config.Mapping // of row
	arn     string         // of its function
	pair    pair

	reserved chan struct{} // closed when the change that holds the reservation is over; nil without one
	state    string
	version  int           // counts the transitions
	changed  chan struct{} // interrupts the reconciler after a transition; holds one token
	active   bool          // reports whether a reconciler runs

	execution // owned by the reconciler
}

// newEntry returns the entry of a row. It is not in the register yet.
func (r *Register) newEntry(uuid string, stored row) *entry {
	m := stored.mapping()
	return &entry{
		uuid: uuid, row: stored, mapping: m, arn: r.config.FunctionArn(m), pair: r.pairOf(m),
		changed: make(chan struct{}, 1),
	}
}

// registered returns the mapping as it is now, without its last result. The mutex is held.
func (e *entry) registered() Registered {
	return Registered{
		Mapping: e.mapping, FunctionArn: e.arn, State: e.state, LastModified: e.row.LastModified,
		Origin: e.row.Origin, Changed: e.row.changed(),
	}
}

// reserve reserves a mapping for one change, which ends with release. It returns ErrBusy while another change holds the
// reservation.
func (r *Register) reserve(uuid string) (*entry, error) {
	e, _, err := r.tryReserve(uuid)
	return e, err
}

// reserveInTurn reserves a mapping as soon as the change that holds the reservation is over.
func (r *Register) reserveInTurn(ctx context.Context, uuid string) (*entry, error) {
	for {
		e, reserved, err := r.tryReserve(uuid)
		if reserved == nil {
			return e, err
		}
		select {
		case <-reserved:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// tryReserve reserves a mapping. If another change holds the reservation, reserved is closed when that is over.
func (r *Register) tryReserve(uuid string) (e *entry, reserved <-chan struct{}, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	e = r.entries[uuid]
	switch {
	case r.closed:
		return nil, nil, errClosed
	case e == nil:
		return nil, nil, ErrNotFound
	case e.reserved != nil:
		return nil, e.reserved, ErrBusy
	case e.state == Deleting:
		return nil, nil, ErrBusy
	}
	e.reserved = make(chan struct{})
	return e, nil, nil
}

// release ends a reservation. The mutex is held.
func (e *entry) release() {
	close(e.reserved)
	e.reserved = nil
}

// releaseUnless releases e, also after a panic of the caller's change, unless commit will.
func (r *Register) releaseUnless(e *entry, committing *bool) {
	if !*committing {
		r.mu.Lock()
		defer r.mu.Unlock()
		e.release()
	}
}
