package esm

import (
	"context"
	"errors"
	"time"
)

// Stream is a source of shards, each a log of records in order: a Kinesis data stream, the stream of a DynamoDB table.
// Nothing is ever deleted from it; how far a mapping has come is kept in a [Checkpoint].
//
// All methods may be called side by side, and return errors at once: whoever calls waits and calls again.
type Stream interface {
	// List tells which shards the stream has now, in no particular order. A shard may be listed late, or after it has
	// ceased to exist; a parent may be missing because it is gone, and a child because it is not yet there.
	// [ErrNoStream] says that there is no such stream (any more).
	List(ctx context.Context) (Listing, error)

	// Open prepares to read a shard from a position. [ErrNoShard] says that the shard is gone with everything in it,
	// [ErrTrimmed] that the position is, and [ErrForeign] that it is no position of this shard: beyond its end, or of
	// another stream of the same name.
	Open(ctx context.Context, shard string, from From) (Reader, error)
}

// Listing is what a stream says of itself.
type Listing struct {
	// Identity tells a stream from another one that was made under the same name after it was deleted.
	Identity string

	// Retention is how long the stream keeps a record; 0 is not known.
	Retention time.Duration

	// Ahead is how much the service's clock, by which records arrive, is ahead of this machine's: 0 when that is not known,
	// or not worth telling.
	Ahead time.Duration

	Shards []Shard
}

// Shard is one log of a stream.
type Shard struct {
	ID      string
	Parents []string // what it continues: none, one, or two that were merged
	Closed  bool     // nothing is appended any more

	// Source is the ARN of the stream that it belongs to, where a mapping names something else than that: a table.
	Source string
}

// From is where reading begins. The zero From is the oldest record that there is.
type From struct {
	After string    // behind this position, which is a Record's Receipt
	At    time.Time // otherwise: at the first record that arrived then or later
}

// Reader reads one shard from where it was opened. It belongs to one goroutine.
type Reader interface {
	// Read takes up to limit records, oldest first. It may block as long as the service's pace demands (seconds, not
	// minutes), and ends early with ctx. None, with a nil error, is normal. io.EOF says that the shard is closed and
	// drained: it comes alone, not wrapped, and again at every further call. An error that wraps it is a passing one.
	//
	// Errors are those of Open, or passing; after a passing one Read goes on where it was. The caller owns the slice.
	Read(ctx context.Context, limit int) ([]Record, error)

	// Close gives up whatever the reader holds. It is called once, and not during a Read.
	Close()
}

// What a stream's errors say about a position.
var (
	ErrNoStream = errors.New("there is no such stream")
	ErrNoShard  = errors.New("the shard is gone")
	ErrTrimmed  = errors.New("the position is older than what the stream keeps")
	ErrForeign  = errors.New("the position is not one of this shard")
)
