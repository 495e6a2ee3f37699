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

	// Receipt is the source's handle for settling the record; for a stream it is a position behind which reading can
	// continue. Only the source understands it.
	Receipt string

	// Group names records that must be handled in the order in which they were received: the message group of a FIFO
	// queue, or the partition key of a stream. Empty means unordered.
	Group string

	// Arrived is when the source took the record in. Its age is measured from here.
	Arrived time.Time

	// Until is when the record becomes receivable again if it is not settled: the end of a message's visibility timeout.
	// It is zero for a stream.
	Until time.Time

	// Event is the element of Records that the handler sees: compact JSON.
	Event json.RawMessage

	// View is what filter patterns are matched against. Nil means Event.
	View json.RawMessage
}
