package observe

import (
	"testing"

	"github.com/esm-run/esm"
	"github.com/esm-run/esm/mappings"
	"github.com/esm-run/esm/trace"
)

// Each line goes on where the one before it ended.
func TestLastProcessingResult(t *testing.T) {
	m := Mapping{UUID: uuid, Source: "arn:aws:kinesis:us-east-1:000000000000:stream/s", Function: "f", Stream: true}
	b := NewMonitor([]Mapping{m}, nil)
	for i, step := range []struct {
		event trace.Event
		want  string
	}{
		{trace.State{Mapping: uuid, State: mappings.Enabled}, "No records processed"},
		{trace.Failing{Mapping: uuid, Err: errRefused}, "PROBLEM: " + errRefused.Error()},
		{trace.Listed{Mapping: uuid, Shards: 2, Reading: 2}, "No records processed"},
		{trace.Dropped{Mapping: uuid, Shard: "1", Records: recs(1)}, "No records processed"},
		{trace.Invoked{Mapping: uuid, Shard: "1", Records: recs(1), Verdict: trace.Done}, "OK"},
		{trace.Failing{Mapping: uuid, Shard: "2", Err: errRefused}, "OK"},
		{trace.Failing{Mapping: uuid, Shard: "2", Err: esm.ErrRefused}, "PROBLEM: " + esm.ErrRefused.Error()}, // before it was invoked
		{trace.Received{Mapping: uuid, Shard: "2", Err: nil}, "PROBLEM: " + esm.ErrRefused.Error()},
		{trace.Invoked{Mapping: uuid, Shard: "1", Records: recs(2), Verdict: trace.Partial}, "OK"},
		{trace.Invoked{Mapping: uuid, Shard: "1", Records: recs(1), Verdict: trace.Failed, Reason: "FunctionError", Detail: "boom"}, "PROBLEM: Function call failed"},
		{trace.Invoked{Mapping: uuid, Shard: "1", Records: recs(1), Verdict: trace.NotRun, Reason: "Throttled"}, "PROBLEM: Throttled"},
		{trace.Invoked{Mapping: uuid, Shard: "1", Records: recs(1), Verdict: trace.Refused, Reason: "Refused", Detail: "no such function"}, "PROBLEM: no such function"},
		{trace.Failing{Mapping: uuid, Err: errRefused}, "PROBLEM: " + errRefused.Error()},
		{trace.Received{Mapping: uuid, Shard: "1", Err: nil}, "PROBLEM: " + errRefused.Error()},
		{trace.Listed{Mapping: uuid, Shards: 2, Reading: 2}, "PROBLEM: no such function"},
		{trace.Invoked{Mapping: uuid, Shard: "1", Records: recs(1), Verdict: trace.Done}, "OK"},
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
