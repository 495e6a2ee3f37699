package policy

import (
	"encoding/json"

	"github.com/esm-run/esm"
)

// Envelope is the JSON around the records of an event. Events of Kafka, which hold records by topic and partition, need
// an Envelope of their own and nothing else.
type Envelope interface {
	// Size returns the size of the event for recs and next, given the size of the event for recs. Without recs that
	// size is 0.
	Size(size int, recs []esm.Record, next esm.Record) int

	// Event returns the event for recs, which holds their Events unchanged. Its length is what Size returns.
	Event(recs []esm.Record) json.RawMessage
}

// Records is the Envelope of queues and of Kinesis and DynamoDB streams: {"Records":[…]}.
var Records Envelope = list{tail: "]}"}

// list is an Envelope that starts with a list of the records.
type list struct{ tail string }

const head = `{"Records":[`

func (l list) Size(size int, recs []esm.Record, next esm.Record) int {
	if len(recs) == 0 {
		return len(head) + len(next.Event) + len(l.tail)
	}
	return size + len(",") + len(next.Event)
}

func (l list) Event(recs []esm.Record) json.RawMessage {
	size := len(head) + len(recs) + len(l.tail)
	for _, rec := range recs {
		size += len(rec.Event)
	}
	event := append(make([]byte, 0, size), head...)
	for i, rec := range recs {
		if i > 0 {
			event = append(event, ',')
		}
		event = append(event, rec.Event...)
	}
	return append(event, l.tail...)
}
