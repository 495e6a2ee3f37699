package checkpoint

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"time"

	bolt "go.etcd.io/bbolt"
)

// group holds the changes that share a commit.
type group struct {
	changes []*change
	urgent  bool          // a change is for a caller who waits
	hurry   chan struct{} // closed once the group is urgent
	done    chan struct{} // closed once every change has its result
}

// patience is how long a change for which nobody waits is held back for others to share its commit.
const patience = 10 * time.Millisecond

// change is one change of a group.
type change struct {
	apply func(*bolt.Tx) error // must change nothing when it fails
	err   error                // owned by the committer until the group is done
}

// change runs apply in a transaction, and waits until that is durable or ctx ends. If ctx ends first, apply may still run
// later: the caller must not read what apply writes.
func (f *file) change(ctx context.Context, apply func(*bolt.Tx) error) error {
	return f.wait(ctx, apply, true)
}

// patientChange is change for a caller on whose speed nothing depends: its commit may be up to [patience] later.
func (f *file) patientChange(ctx context.Context, apply func(*bolt.Tx) error) error {
	return f.wait(ctx, apply, false)
}

func (f *file) wait(ctx context.Context, apply func(*bolt.Tx) error, urgent bool) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	c := &change{apply: apply}
	done, err := f.enqueue(c, urgent)
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
func (f *file) enqueue(c *change, urgent bool) (done <-chan struct{}, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed {
		return nil, ErrClosed
	}
	if f.waiting == nil {
		f.waiting = &group{hurry: make(chan struct{}), done: make(chan struct{})}
	}
	f.waiting.add(c, urgent)
	if !f.busy {
		f.busy = true
		f.committer = &sync.WaitGroup{}
		f.committer.Go(f.commitAll)
	}
	return f.waiting.done, nil
}

func (g *group) add(c *change, urgent bool) {
	g.changes = append(g.changes, c)
	if urgent && !g.urgent {
		g.urgent = true
		close(g.hurry)
	}
}

// commitAll commits group after group until no change waits.
func (f *file) commitAll() {
	for g := f.take(); g != nil; g = f.take() {
		err := f.commit(g.changes)
		for _, c := range g.changes {
			if c.err == nil {
				c.err = err
			}
		}
		close(g.done)
	}
}

// take returns the waiting group, or nil, which ends the committer. It first yields, so that the callers of the last commit can
// enqueue their next change: otherwise every other commit holds a few stragglers. A group for which nobody waits is held back.
func (f *file) take() *group {
	runtime.Gosched()
	f.gather()
	f.mu.Lock()
	defer f.mu.Unlock()
	g := f.waiting
	f.waiting, f.busy = nil, g != nil
	return g
}

// gather waits until the waiting group is urgent, or has been held back long enough.
func (f *file) gather() {
	f.mu.Lock()
	g := f.waiting
	f.mu.Unlock()
	if g == nil {
		return
	}
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case <-g.hurry:
	case <-timer.C:
	}
}

// commit applies changes in one durable transaction. A change whose apply fails is left out.
func (f *file) commit(changes []*change) error {
	if f.broken != nil {
		return f.broken
	}
	err := f.update(changes)
	if f.committed != nil {
		f.committed(err)
	}
	return err
}

// update applies changes in a transaction. If it is unknown whether that is durable, no other may follow.
func (f *file) update(changes []*change) error {
	id := 0
	err := f.kind.guarded(func() error {
		return f.bolt.Update(func(tx *bolt.Tx) error {
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
	if errors.Is(err, ErrDamaged) {
		f.broken = err
	} else if f.visible(id) {
		f.broken = fmt.Errorf("%w (%w)", ErrUnknown, err)
	}
	return err
}

// visible reports whether the next transaction would build on transaction id, whose commit failed. Its last page was
// written then, but perhaps not to the disk, and syncing again would not show that: the operating system reports a failed
// sync once. Another commit might overwrite pages that are still needed on the disk.
func (f *file) visible(id int) bool {
	now := id
	err := f.kind.guarded(func() error {
		return f.bolt.View(func(tx *bolt.Tx) error {
			now = tx.ID()
			return nil
		})
	})
	return err != nil || now >= id
}
