package mappings

import (
	"cmp"
	"context"
)

// claim says who joins a function and a source, or is about to.
type claim struct {
	uuid    string
	settled chan struct{} // closed when it does, or will not
}

func heldBy(uuid string) *claim {
	c := &claim{uuid, make(chan struct{})}
	c.settle()
	return c
}

func (c *claim) settle() {
	select {
	case <-c.settled:
	default:
		close(c.settled)
	}
}

// take claims p for uuid, which has it already or will when it keeps it. While another one is about to have p, it waits for
// what comes of that, until ctx ends; who has it is told in an [*ExistsError].
func (r *Register) take(ctx context.Context, p pair, uuid string) error {
	for {
		c, err := r.claimant(p, uuid)
		if err != nil || c.uuid == uuid {
			return err
		}
		select {
		case <-c.settled:
		case <-ctx.Done():
			return ctx.Err()
		}
		if now, err := r.claimant(p, uuid); err != nil || now == c {
			return cmp.Or(err, error(&ExistsError{UUID: c.uuid}))
		}
	}
}

// claimant is who has p or is about to: uuid, if nobody had.
func (r *Register) claimant(p pair, uuid string) (*claim, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return nil, errClosed
	}
	if r.claims[p] == nil {
		r.claims[p] = &claim{uuid, make(chan struct{})}
	}
	return r.claims[p], nil
}

// keep makes a claim that was taken one that is held. The mutex is held.
func (r *Register) keep(p pair) { r.claims[p].settle() }

// free gives up what uuid has of p. The mutex is held.
func (r *Register) free(p pair, uuid string) {
	if c := r.claims[p]; c != nil && c.uuid == uuid {
		c.settle()
		delete(r.claims, p)
	}
}

// reserve makes the caller the only one who changes a mapping, until release.
func (r *Register) reserve(uuid string) (*entry, error) {
	e, _, err := r.reserveUnless(uuid)
	return e, err
}

// reserveInTurn is reserve, behind the change that is under way.
func (r *Register) reserveInTurn(ctx context.Context, uuid string) (*entry, error) {
	for {
		e, changing, err := r.reserveUnless(uuid)
		if changing == nil {
			return e, err
		}
		select {
		case <-changing:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// reserveUnless is reserve; changing ends when the change that was in the way is over.
func (r *Register) reserveUnless(uuid string) (e *entry, changing <-chan struct{}, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	e = r.entries[uuid]
	switch {
	case r.closed:
		return nil, nil, errClosed
	case e == nil:
		return nil, nil, ErrNotFound
	case e.changing != nil:
		return nil, e.changing, ErrBusy
	case e.state == Deleting:
		return nil, nil, ErrBusy
	}
	e.changing = make(chan struct{})
	return e, nil, nil
}

// release ends what reserve began. The mutex is held.
func (e *entry) release() {
	close(e.changing)
	e.changing = nil
}

// releaseUnless releases e, also after a panic of what was asked about its change, unless the change has gone so far that
// its end does.
func (r *Register) releaseUnless(e *entry, gone *bool) {
	if !*gone {
		r.mu.Lock()
		defer r.mu.Unlock()
		e.release()
	}
}
