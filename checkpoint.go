package esm

import (
	"context"
	"encoding/json"
	"errors"
	"time"
)

// Checkpoints keeps how far each shard of each mapping has come. All methods may be called side by side.
type Checkpoints interface {
	// All returns everything that is kept of a mapping, by shard. A mapping that was never seen has none.
	All(ctx context.Context, mapping string) (map[string]Checkpoint, error)

	// Save keeps next in the place of what the key has now, if that still has next's Version: zero if there is to be
	// nothing yet. It returns next with its new Version. A lost race is [ErrConflict], and nothing was changed. When
	// Save returns without an error the checkpoint is durable; with another error than ErrConflict it may or may not
	// be: stop, and begin again from All.
	Save(ctx context.Context, k Key, next Checkpoint) (Checkpoint, error)

	// Forget removes what is kept under keys, whatever its Version; what is not there is fine. It is for shards that are
	// gone and mappings that start over.
	Forget(ctx context.Context, keys ...Key) error
}

// Key names one checkpoint. An empty Shard is the mapping itself: its Position is the stream's Identity, its Since the
// moment when the mapping was first seen.
type Key struct{ Mapping, Shard string }

// Checkpoint is how far one shard has come. The zero Checkpoint is a shard of which nothing is settled.
type Checkpoint struct {
	Position string    // the Receipt of the last record up to which all are settled; empty while there is none
	Since    time.Time // where reading begins while there is no Position; zero is the oldest record
	Drained  bool      // closed, and every record settled: the children may begin
	Lanes    []string  // under a parallelization factor, the last settled record of each lane behind Position
	Owed     []Owed    // runs that are being retried, oldest first: a restart goes on with them
	Window   *Window   // the tumbling window that is open
	Version  uint64    // as loaded; set by the store
}

// Owed is a run of records that has not come to its end: what a restart must know to go on counting.
type Owed struct {
	ID          string // of its invocations
	First, Last string // Receipts
	Sum         uint64 // tells which records from First to Last are in it; 0 is not known
	Lane        int
	Tries       int

	// Response is what came of the last try when it was the last that there may be: its notice is on its way. Nil otherwise.
	Response *NoticeResponse
}

// Window is a tumbling window of one shard.
type Window struct {
	Start      time.Time
	State      json.RawMessage // what the last invocation returned; nil is the empty state
	Final      bool            // every record is settled, the final invocation is owed
	Terminated bool            // ended early, because its state grew too large
	Tries      int             // of the final invocation
	ID         string          // of the final invocation
}

// ErrConflict says that a checkpoint was changed by somebody else since it was loaded.
var ErrConflict = errors.New("the checkpoint has been changed meanwhile")
