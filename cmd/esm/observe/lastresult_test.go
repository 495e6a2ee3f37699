package observe

import (
	"testing"

	"github.com/esm-run/esm"
)

// Each line goes on where the one before it ended.
func TestLastProcessingResult(t *testing.T) {
	m := Mapping{UUID: uuid, Source: "arn:aws:kinesis:us-east-1:000000000000:stream/s", Function: "f", Stream: true}
	b := NewBoard([]Mapping{m}, nil)
	for i, step := range []struct {
		event esm.Event
		want  string
	}{
		{esm.State{Mapping: uuid, State: esm.Enabled}, "No records processed"},
		{esm.Failing{Mapping: uuid, Err: errRefused}, "PROBLEM: " + errRefused.Error()},
		{esm.Listed{Mapping: uuid, Shards: 2, Reading: 2}, "No records processed"},
		{esm.Dropped{Mapping: uuid, Shard: "1", Records: recs(1)}, "No records processed"},
		{esm.Invoked{Mapping: uuid, Shard: "1", Records: recs(1), Verdict: verdictDone}, "OK"},
		{esm.Failing{Mapping: uuid, Shard: "2", Err: errRefused}, "OK"},
		{esm.Failing{Mapping: uuid, Shard: "2", Err: esm.ErrRefused}, "PROBLEM: " + esm.ErrRefused.Error()}, // before it was invoked
		{esm.Received{Mapping: uuid, Shard: "2", Err: nil}, "PROBLEM: " + esm.ErrRefused.Error()},
		{esm.Invoked{Mapping: uuid, Shard: "1", Records: recs(2), Verdict: verdictPartial}, "OK"},
		{esm.Invoked{Mapping: uuid, Shard: "1", Records: recs(1), Verdict: "Failed", Reason: "FunctionError", Detail: "boom"}, "PROBLEM: Function call failed"},
		{esm.Invoked{Mapping: uuid, Shard: "1", Records: recs(1), Verdict: verdictNotRun, Reason: "Throttled"}, "PROBLEM: Throttled"},
		{esm.Invoked{Mapping: uuid, Shard: "1", Records: recs(1), Verdict: verdictRefused, Reason: "Refused", Detail: "no such function"}, "PROBLEM: no such function"},
		{esm.Failing{Mapping: uuid, Err: errRefused}, "PROBLEM: " + errRefused.Error()},
		{esm.Received{Mapping: uuid, Shard: "1", Err: nil}, "PROBLEM: " + errRefused.Error()},
		{esm.Listed{Mapping: uuid, Shards: 2, Reading: 2}, "PROBLEM: no such function"},
		{esm.Invoked{Mapping: uuid, Shard: "1", Records: recs(1), Verdict: verdictDone}, "OK"},
	} {
		b.Trace(step.event)
		if got := b.LastProcessingResult(uuid); got != step.want {
			t.Errorf("after step %d, %T: got %q, want %q", i, step.event, got, step.want)
		}
	}
	if got := b.LastProcessingResult("nobody's"); got != "No records processed" {
		t.Errorf("got %q", got)
	}
}
