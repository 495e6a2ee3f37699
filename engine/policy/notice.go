package policy

import (
	"time"

	"github.com/esm-run/esm"
)

// Origin identifies a shard and its mapping in notices and in the events of tumbling windows.
type Origin struct {
	Mapping     string // UUID
	FunctionArn string // as configured, with its qualifier
	Source      string // the ARN of the stream, or of its consumer
	Shard       string
}

// Notice returns the notice for a step that gives up records of r, or a final invocation, at the time now. The caller
// adds the ID, the Window and the Payload. The request id is r's ID, even if r was never invoked.
func (o Origin) Notice(r Run, step Step, now time.Time) esm.Notice {
	n := esm.Notice{
		Mapping: o.Mapping, Time: now,
		RequestID: r.ID, FunctionArn: o.FunctionArn, Condition: step.Why, Invokes: max(step.Count, 1),
		Response: step.Response,
		Stream:   &esm.StreamBatch{Source: o.Source, Shard: o.Shard, Size: len(step.Dropped)},
	}
	if size := n.Stream.Size; size > 0 {
		n.Stream.First, n.Stream.Last = markOf(step.Dropped[0]), markOf(step.Dropped[size-1])
	}
	return n
}

func markOf(rec esm.Record) esm.RecordMark {
	return esm.RecordMark{SequenceNumber: rec.ID, Arrived: rec.Arrived}
}
