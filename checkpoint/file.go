package checkpoint

import (
	"context"
	"errors"
	"fmt"
	"sync"

	bolt "go.etcd.io/bbolt"
	bolterrors "go.etcd.io/bbolt/errors"
)

// file is an open bbolt file of one kind. Concurrent changes share one commit.
type file struct {
	kind   kind
	path   string
	bolt   *bolt.DB
	broken error // fails all further changes. Owned by the committer, or by close when there is none.

	// committed is called by the committer with the result of each commit. Nil ignores it.
	committed func(error)

	mu        sync.Mutex
	waiting   *group          // the next commit; nil when no change waits
	busy      bool            // a committer runs
	committer *sync.WaitGroup // of the last committer; nil before the first
	closed    bool
}

// close waits for changes in progress and releases the file. Later calls fail with [ErrClosed].
func (f *file) close() error {
	f.mu.Lock()
	f.closed = true
	committer := f.committer
	f.mu.Unlock()
	if committer != nil {
		committer.Wait()
	}
	if errors.Is(f.broken, ErrDamaged) {
		return f.broken // bbolt has panicked and may hold its own locks: only the end of the process releases the file
	}
	return f.wrap(f.bolt.Close(), "close")
}

// view runs read in one transaction. It must be short: meanwhile the file cannot grow.
func (f *file) view(ctx context.Context, read func(*bolt.Tx) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	err := f.kind.guarded(func() error { return f.bolt.View(read) })
	if errors.Is(err, bolterrors.ErrDatabaseNotOpen) {
		return ErrClosed
	}
	return err
}

// wrap adds the path and what was tried to err. It returns nil if err is nil.
func (f *file) wrap(err error, action string, args ...any) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("checkpoint: %s: %s: %w", f.path, fmt.Sprintf(action, args...), err)
}
