package esm

import (
	"encoding/json"
	"time"
)

// Record is one element of an event's Records: a message of a queue, or a record of a stream.
//
// A record is a value. Event and View are shared by its copies and must not be changed in place.
type Record struct {
	// ID is what a handler reports as failed in batchItemFailures: the ID of a queue's message, or the sequence number of
	// a stream's record.
	ID string

	// Receipt is the source's handle for settling the record. For a queue only the source understands it. For a stream it
	// is the record's position: an unsigned decimal, optionally followed by /n for a record within an aggregate, that
	// grows from record to record within a shard. The engine compares positions.
	Receipt string

	// Group names records that must be handled in the order in which they were received: the message group of a FIFO
	// queue, or the partition key of a stream. Empty means unordered in a queue; in a stream, all records of a shard
	// without a key belong to one group.
	Group string

	// Arrived is when the source took the record in. Its age is measured from here.
	Arrived time.Time

	// Until is when the record becomes receivable again if it is not settled: the end of a message's visibility timeout.
	// It is zero for a stream.
	Until time.Time

	// TraceHeader is the X-Amzn-Trace-Id that a queue's message carries: that of the request that sent it. It may be empty or
	// invalid, since senders choose it. Streams have none.
	TraceHeader string

	// Event is the element of Records that the handler sees: compact JSON.
	Event json.RawMessage

	// View is what filter patterns are matched against, if it differs from Event.
	View json.RawMessage
}

// FilterView returns the JSON that filter patterns are matched against: View, or Event if there is no View.
func (r Record) FilterView() json.RawMessage {
	if r.View != nil {
		return r.View
	}
	return r.Event
}
