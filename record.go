package esm

import (
	"encoding/json"
	"time"
)

// Record is one element of an event's Records: a message of a queue, a record of a stream.
//
// A record is a value. Event and View are shared by its copies and must not be changed in place.
type Record struct {
	// ID is what a handler may report as failed in batchItemFailures: for a queue the message's id, for a stream the
	// record's sequence number.
	ID string

	// Receipt is the source's own handle for settling the record: for a stream its position, behind which reading can
	// go on. It is opaque to everyone else.
	Receipt string

	// Group names records that must be handled in the order in which they were received; empty means unordered.
	// For a FIFO queue it is the message group, for a stream the partition key.
	Group string

	// Arrived is when the source took the record in. Age is measured from here.
	Arrived time.Time

	// Until is when the record comes back by itself if it is not settled: the end of a message's visibility timeout. It
	// is zero for a stream, whose records never do.
	Until time.Time

	// Event is the element of Records that the handler sees: compact JSON.
	Event json.RawMessage

	// View is what filter patterns are matched against. Nil means Event.
	View json.RawMessage
}
