package esm

import (
	"context"
	"encoding/json"
	"errors"
	"time"
)

// Checkpoints stores the progress of each shard of each stream mapping.
//
// Methods may be called concurrently. They block for one read or one durable write, return their errors at once and
// retry nothing. A caller whose context ends stops waiting; a change that it asked for may still be made.
type Checkpoints interface {
	// All returns the checkpoints of a mapping by shard. The map is empty, not nil, for an unknown mapping. The caller
	// owns it.
	All(ctx context.Context, mapping string) (map[string]Checkpoint, error)

	// Save replaces the checkpoint under k if the stored one has next.Version, which is zero if nothing may be stored
	// yet. It returns next with its new Version; no version is ever used twice. [ErrConflict] means that another
	// process saved first and that nothing was changed.
	//
	// The checkpoint is durable when Save returns nil. After any error but ErrConflict it may or may not be: the caller
	// must reload with All before it saves again.
	Save(ctx context.Context, k Key, next Checkpoint) (Checkpoint, error)

	// Forget removes the checkpoints under keys, all or none, whatever their versions. A missing key is no error. It is
	// for shards that are gone and mappings that start over.
	Forget(ctx context.Context, keys ...Key) error
}

// ForgetMapping removes all checkpoints of a mapping, and like Forget all or none.
func ForgetMapping(ctx context.Context, store Checkpoints, mapping string) error {
	stored, err := store.All(ctx, mapping)
	if err != nil {
		return err
	}
	var keys []Key
	for shard := range stored {
		keys = append(keys, Key{mapping, shard})
	}
	return store.Forget(ctx, keys...)
}

// Key identifies a checkpoint. An empty Shard stands for the mapping itself: that checkpoint's Position is the stream's
// Identity, and its Since the time when the mapping was first seen.
type Key struct{ Mapping, Shard string }

// Checkpoint is the progress of one shard. The zero Checkpoint is a shard with no settled record.
type Checkpoint struct {
	Position string    // Receipt of the last record before which everything is settled; empty if there is none
	Since    time.Time // without a Position, the time to read from; zero means the oldest record
	Drained  bool      // the shard is closed and settled: its children may be read
	Lanes    []string  // with a parallelization factor, the last settled record of each lane after Position
	Owed     []Owed    // runs being retried, oldest first; a restart continues them
	Window   *Window   // the open tumbling window, if any
	Version  uint64    // set by the store
}

// Owed is a run of records being retried: what a restart needs to continue counting its tries.
type Owed struct {
	ID          string // of its invocations
	First, Last string // Receipts
	Sum         uint64 // identifies the records of the run between First and Last; 0 if unknown
	Lane        int
	Tries       int

	// Response is the outcome of the last permitted try, set while the run's notice is being sent. Nil otherwise.
	Response *NoticeResponse
}

// Window is a tumbling window of one shard.
type Window struct {
	Start      time.Time
	State      json.RawMessage // returned by the last invocation; nil is the empty state
	Final      bool            // every record is settled, and the final invocation remains
	Terminated bool            // ended early because its state grew too large
	Tries      int             // of the final invocation
	ID         string          // of the final invocation
}

// ErrConflict reports that a checkpoint has changed since it was loaded.
var ErrConflict = errors.New("the checkpoint was changed by another process")
