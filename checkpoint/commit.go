package checkpoint

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"

	bolt "go.etcd.io/bbolt"
)

// group holds the changes that share a commit.
type group struct {
	changes []*change
	done    chan struct{} // closed once every change has its result
}

// change is one change of a group.
type change struct {
	apply func(*bolt.Tx) error // must change nothing when it fails
	err   error                // owned by the committer until the group is done
}

// change runs apply in a transaction, and waits until that is durable or ctx ends. If ctx ends first, apply may still run
// later: the caller must not read what apply writes.
func (d *DB) change(ctx context.Context, apply func(*bolt.Tx) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	c := &change{apply: apply}
	done, err := d.enqueue(c)
	if err != nil {
		return err
	}
	select {
	case <-done:
		return c.err
	case <-ctx.Done():
		return fmt.Errorf("interrupted; the change may still be made: %w", ctx.Err())
	}
}

// enqueue adds c to the next group, and starts the committer if none runs. A committer and its WaitGroup live only as
// long as there is work, so that a store may be used both inside and outside a synctest bubble.
func (d *DB) enqueue(c *change) (done <-chan struct{}, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		return nil, ErrClosed
	}
	if d.waiting == nil {
		d.waiting = &group{done: make(chan struct{})}
	}
	d.waiting.changes = append(d.waiting.changes, c)
	if !d.busy {
		d.busy = true
		d.committer = &sync.WaitGroup{}
		d.committer.Go(d.commitAll)
	}
	return d.waiting.done, nil
}

// commitAll commits group after group until no change waits.
func (d *DB) commitAll() {
	for g := d.take(); g != nil; g = d.take() {
		err := d.commit(g.changes)
		for _, c := range g.changes {
			if c.err == nil {
				c.err = err
			}
		}
		close(g.done)
	}
}

// take returns the waiting group, or nil, which ends the committer. It first yields, so that the callers of the last commit can
// enqueue their next change: otherwise every other commit holds a few stragglers.
func (d *DB) take() *group {
	runtime.Gosched()
	d.mu.Lock()
	defer d.mu.Unlock()
	g := d.waiting
	d.waiting, d.busy = nil, g != nil
	return g
}

// commit applies changes in one durable transaction. A change whose apply fails is left out.
func (d *DB) commit(changes []*change) error {
	if d.broken != nil {
		return d.broken
	}
	id := 0
	err := guarded(func() error {
		return d.bolt.Update(func(tx *bolt.Tx) error {
			id = tx.ID()
			for _, c := range changes {
				c.err = c.apply(tx)
			}
			return nil
		})
	})
	if err == nil {
		return nil
	}
	clear(d.versions)
	if errors.Is(err, ErrDamaged) {
		d.broken = err
	} else if d.visible(id) {
		d.broken = fmt.Errorf("%w (%w)", ErrUnknown, err)
	}
	return err
}

// visible reports whether the next transaction would build on transaction id, whose commit failed. Its last page was
// written then, but perhaps not to the disk, and syncing again would not show that: the operating system reports a failed
// sync once. Another commit might overwrite pages that are still needed on the disk.
func (d *DB) visible(id int) bool {
	now := id
	err := guarded(func() error {
		return d.bolt.View(func(tx *bolt.Tx) error {
			now = tx.ID()
			return nil
		})
	})
	return err != nil || now >= id
}
