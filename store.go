package esm

import (
	"context"
	"iter"
	"time"
)

// Store is everything an engine keeps across restarts. The command opens one and gives each part the contract that the
// part uses. An implementation passes the suite in checkpoint/checkpointtest.
type Store interface {
	Checkpoints
	Undelivered
	Documents

	// Mappings returns the mappings that have checkpoints, in sorted order. It lets tools find those that the
	// configuration no longer names.
	Mappings(ctx context.Context) ([]string, error)

	// Close waits for changes in progress and releases the store. Later calls of other methods fail.
	Close() error
}

// Undelivered stores notices that their destinations did not accept, until they are sent again or dropped.
//
// Methods may be called concurrently. They block for one read or one durable write, and retry nothing. A change is
// durable when its method returns nil; after an error it may or may not be.
type Undelivered interface {
	// Keep stores n with the destination's ARN and the reason, for people, why it was not accepted. If a notice with
	// n's ID is stored already, it keeps its place and time, and the rest is replaced.
	Keep(ctx context.Context, n Notice, destination, reason string) error

	// Undelivered iterates over the stored notices, oldest first, with one in memory at a time: each may hold an event
	// of 6 MB. Notices kept or dropped meanwhile may or may not be seen. An error ends the iteration.
	Undelivered(ctx context.Context) iter.Seq2[UndeliveredNotice, error]

	// Drop removes notices by ID, all or none. A missing ID is no error.
	Drop(ctx context.Context, ids ...string) error
}

// UndeliveredNotice is a notice that its destination did not accept.
type UndeliveredNotice struct {
	Notice      Notice
	Destination string    // ARN
	Reason      string    // for people
	Kept        time.Time // when it was first kept
}

// Documents stores values by kind and ID: the mappings created over HTTP, for example. Their content is the caller's
// affair.
//
// Methods may be called concurrently. They block for one read or one durable write, and retry nothing.
type Documents interface {
	// Documents returns the documents of one kind by ID. The map is empty for an unknown kind. The caller owns it.
	Documents(ctx context.Context, kind string) (map[string][]byte, error)

	// Write stores documents of one kind by ID, replacing what is there; a nil value removes. All changes are made
	// together and are durable when Write returns nil. After an error all of them may have been made, or none.
	Write(ctx context.Context, kind string, changes map[string][]byte) error
}
