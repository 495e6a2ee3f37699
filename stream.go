package esm

import (
	"context"
	"errors"
	"time"
)

// Stream is a source of shards, each a log of records in order: a Kinesis data stream, or the stream of a DynamoDB table.
// Reading deletes nothing; a [Checkpoint] holds how far a mapping has come in a shard.
//
// All methods may be called concurrently. They return errors at once, without retrying: the caller waits and calls again.
type Stream interface {
	// List returns the shards that the stream has now, in no particular order. A shard may be listed late, or after it
	// has ceased to exist. A parent may be missing because it is gone, and a child because it is not there yet. The error
	// is [ErrNoStream] if the stream does not exist.
	List(ctx context.Context) (Listing, error)

	// Open prepares to read a shard from a position. The error is [ErrNoShard] if the shard is gone with everything in
	// it, [ErrTrimmed] if the position is older than the oldest record, and [ErrForeign] if it is no position of this
	// shard: it lies beyond the end, or belongs to another stream that had the same name.
	Open(ctx context.Context, shard string, from From) (Reader, error)
}

// Listing describes a stream.
type Listing struct {
	// Identity differs between a stream and another one that is created under its name after it was deleted.
	Identity string

	// Retention is how long the stream keeps a record; 0 means not known.
	Retention time.Duration

	// Ahead is how far the service's clock, which stamps the records, is ahead of this machine's. It is 0 if that is not
	// known or negligible.
	Ahead time.Duration

	Shards []Shard
}

// Shard is one log of a stream.
type Shard struct {
	ID      string
	Parents []string // the shards that it continues: none, one, or two that were merged
	Closed  bool     // no record is added any more

	// Source is the ARN of the shard's stream, where the mapping names something else, such as a table; otherwise empty.
	Source string
}

// From is where reading starts. The zero From is the oldest record.
type From struct {
	After string    // behind this position, the Receipt of a record
	At    time.Time // used if After is empty: the first record that arrived at this time or later
}

// Reader reads one shard from where it was opened. It belongs to one goroutine.
type Reader interface {
	// Read returns up to limit records, oldest first. It blocks as long as the service's pace demands (seconds, not
	// minutes), or until ctx ends. None with a nil error is normal. At the end of a closed shard it returns io.EOF itself,
	// without records, at this call and at all later ones; an error that only wraps io.EOF is a passing one.
	//
	// Other errors are those of Open, or passing: after a passing error the next Read continues where this one began. The
	// caller owns the slice.
	Read(ctx context.Context, limit int) ([]Record, error)

	// Close frees what the reader holds. It is called once, and not during a Read.
	Close()
}

// Errors of a Stream and its Readers.
var (
	ErrNoStream = errors.New("there is no such stream")
	ErrNoShard  = errors.New("the shard is gone")
	ErrTrimmed  = errors.New("the position is older than what the stream keeps")
	ErrForeign  = errors.New("the position is not one of this shard")
)
