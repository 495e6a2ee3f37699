package policy

import (
	"time"

	"github.com/esm-run/esm"
)

// Origin is what the notices and the windows of one shard have in common.
type Origin struct {
	Mapping     string // UUID
	FunctionArn string // as configured, with its qualifier
	Source      string // the ARN of the stream, or of its consumer
	Shard       string
}

// Notice tells that step gives up records of r, or a final invocation, at the time now. The caller adds its ID, the
// Window and the Payload. The request id is that of r's last invocation; if none was made it is of one that was to be,
// so r must have its ID.
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
