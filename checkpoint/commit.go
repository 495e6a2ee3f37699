package checkpoint

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"

	bolt "go.etcd.io/bbolt"
)

// group is the changes that share a commit.
type group struct {
	changes []*change
	done    chan struct{} // closed when all of them have their result
}

// change is one of them.
type change struct {
	apply func(*bolt.Tx) error // changes nothing when it fails
	err   error                // owned by the committer until the group is done
}

// change has apply run within a transaction, and waits until that is durable or ctx ends. In the latter case apply may
// still run later, or may not: the caller must not look at what it writes.
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
		return fmt.Errorf("given up while it was under way: %w", ctx.Err())
	}
}

// enqueue adds c to what is committed next, and starts the committer if there is none. A committer lives only as long as
// there is work, and its WaitGroup with it: an open file may be used inside of a synctest bubble and outside.
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

// commitAll commits group after group until nobody waits.
func (d *DB) commitAll() {
	last := 0
	for g := d.take(last); g != nil; g = d.take(last) {
		err := d.commit(g.changes)
		for _, c := range g.changes {
			if c.err == nil {
				c.err = err
			}
		}
		last = len(g.changes)
		close(g.done)
	}
}

// yields is how often take lets others go first although nobody new came.
const yields = 8

// take hands out the group that waits; with none the committer ends. Those whom the last commit has woken, and who are
// about to ask for their next change, come along: without that every other commit would be one of stragglers.
func (d *DB) take(last int) *group {
	for before, idle := 0, 0; ; idle++ {
		runtime.Gosched()
		d.mu.Lock()
		now := 0
		if d.waiting != nil {
			now = len(d.waiting.changes)
		}
		if now > before {
			before, idle = now, 0
		}
		if now > 0 && now >= last || idle == yields {
			g := d.waiting
			d.waiting, d.busy = nil, g != nil
			d.mu.Unlock()
			return g
		}
		d.mu.Unlock()
	}
}

// commit applies changes in one transaction and makes them durable. A change that fails by itself is left out.
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

// visible says whether a transaction whose commit failed is what the next one would build upon. Then its last page was
// written, but perhaps not to the disk, and a second attempt would not notice: the operating system reports that once.
// Another commit might overwrite pages that the disk still needs.
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
