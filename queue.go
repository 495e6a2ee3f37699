package esm

import (
	"context"
	"time"
)

// What one Receive may do at the most (AWS API reference: "ReceiveMessage").
const (
	MaxReceived = 10               // records
	MaxWait     = 20 * time.Second // for the first of them
)

// Queue is a source whose records come back by themselves unless they are deleted: an SQS queue.
//
// All methods may be called side by side. They return errors at once: whoever calls waits and calls again. An error
// that says the caller is too fast (throttling, OverLimit) or that the queue is gone is an error like any other.
type Queue interface {
	// Receive takes up to limit records, oldest first, and waits at most wait (whole seconds, up to MaxWait; a
	// source rounds down) for the first to arrive. Fewer than limit is normal; so is none, with a nil error. The
	// caller owns the slice. A source hands out at most MaxReceived however high limit is.
	//
	// Ending ctx in mid-call may lose sight of records that were already handed out; they come back at their Until.
	Receive(ctx context.Context, limit int, wait time.Duration) ([]Record, error)

	// Delete settles recs for good. Left are those of recs that could not be deleted and are worth another try; a
	// record that is gone already counts as deleted. When err is not nil it says why; left is then not empty.
	Delete(ctx context.Context, recs []Record) (left []Record, err error)

	// Release makes recs receivable again at once instead of at their Until. It is a best effort: whatever it does not
	// release comes back by itself, so the caller need not try again. A record that is gone is no error. When err is not
	// nil it is the first reason why a record was not released.
	Release(ctx context.Context, recs []Record) error
}
