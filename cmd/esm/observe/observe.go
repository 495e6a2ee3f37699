// Package observe turns what the engine tells into what people and machines read: lines on a terminal, structured logs,
// Prometheus metrics and the status of every mapping.
package observe

import (
	"cmp"
	"strings"

	"github.com/esm-run/esm/config"
	"github.com/esm-run/esm/trace"
)

// Tee tells each of traces, in their order.
func Tee(traces ...trace.Func) trace.Func {
	return func(e trace.Event) {
		for _, t := range traces {
			t.Emit(e)
		}
	}
}

// Mapping says who is behind the UUID that events name.
type Mapping struct {
	UUID        string            `json:"UUID"`
	Source      string            `json:"EventSourceArn"`
	Function    string            `json:"FunctionName"`
	Provisioned bool              `json:"Provisioned,omitempty"` // it has a ProvisionedPollerConfig
	Stream      bool              `json:"Stream,omitempty"`      // the source is a stream, not a queue
	Destination string            `json:"Destination,omitempty"` // the ARN of DestinationConfig.OnFailure
	Tags        map[string]string `json:"Tags,omitempty"`
}

// SourceName returns the short name of the source: that of the queue, the table, or the data stream with its consumer's.
func (m Mapping) SourceName() string { return config.ParseSource(m.Source).Title() }

// compare orders mappings by source and by function.
func (m Mapping) compare(o Mapping) int {
	return cmp.Or(strings.Compare(m.Source, o.Source), strings.Compare(m.Function, o.Function), strings.Compare(m.UUID, o.UUID))
}

// Title names the mapping for people.
func (m Mapping) Title() string { return m.SourceName() + " → " + m.Function }

// result is Done, or the reason why a batch was not.
func result(e trace.Invoked) string {
	if e.Reason != "" {
		return string(e.Reason)
	}
	return e.Verdict.String()
}

// waits reports whether it is news that a batch waits for its turn. It says so once; the shards of a stream say so
// together, once a minute for each reason, since each of them waits until it can run.
func waits(e trace.Invoked, stalls *repeats) bool {
	if e.Shard == "" {
		return e.Tries == 1
	}
	return stalls.news(e.Mapping, string(e.Reason), everyMinute)
}

// failedRecords counts as AWS's FailedInvokeEventCount does: the reported records of a partial failure, else all (AWS:
// "Types of metrics for Lambda functions").
func failedRecords(e trace.Invoked) int {
	switch e.Verdict {
	case trace.Done:
		return 0
	case trace.Partial:
		return len(e.Failed)
	}
	return len(e.Records)
}

// untold reports whether nothing but e itself tells why its records were left. Otherwise an Invoked did.
func untold(e trace.Left) bool {
	switch e.Reason {
	case trace.ReasonNoPermit, trace.ReasonRecordTooLarge, trace.ReasonGroupBlocked, trace.ReasonStopping,
		trace.ReasonReturned, trace.ReasonDeleteFailed:
		return true
	}
	return e.Err != nil
}

// expected reports whether records are left as they are meant to be: the queue keeps them, in their order.
func expected(e trace.Left) bool {
	switch e.Reason {
	case trace.ReasonGroupBlocked, trace.ReasonStopping:
		return true
	}
	return false
}
