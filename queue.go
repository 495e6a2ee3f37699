package esm

import (
	"context"
	"time"
)

// The limits of one Receive (AWS API reference: "ReceiveMessage").
const (
	MaxReceived = 10               // records
	MaxWait     = 20 * time.Second // for the first of them
)

// Queue is a source whose records become receivable again by themselves unless they are deleted: an SQS queue.
//
// All methods may be called concurrently. They return errors at once, without retrying: the caller waits and calls again.
// There are no special errors: too many calls, or a queue that does not exist, are errors like any other.
type Queue interface {
	// Receive takes up to limit records, oldest first, and waits for the first to arrive: at most wait, rounded down to
	// whole seconds and capped at MaxWait. Fewer than limit is normal, and so is none with a nil error. Limit is capped
	// at MaxReceived. The caller owns the slice.
	//
	// If ctx ends during the call, records that the service handed out already may be lost until their Until.
	Receive(ctx context.Context, limit int, wait time.Duration) ([]Record, error)

	// Delete settles recs for good. It returns the records that could not be deleted and are worth another try, and an
	// error that says why if there are any. A record that is gone already counts as deleted.
	Delete(ctx context.Context, recs []Record) (left []Record, err error)

	// Release makes recs receivable again at once instead of at their Until. It is best effort: what it does not release
	// becomes receivable by itself, so the caller need not try again. A record that is gone is no error. The error is the
	// first reason why a record was not released.
	Release(ctx context.Context, recs []Record) error
}
