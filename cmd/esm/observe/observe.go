// Package observe turns the events of an engine into the status of every mapping, Prometheus metrics, lines on a terminal and
// structured logs.
package observe

import (
	"cmp"
	"strings"

	"github.com/esm-run/esm/config"
	"github.com/esm-run/esm/trace"
)

// Tee returns a trace that passes each event to all of traces, in their order.
func Tee(traces ...trace.Func) trace.Func {
	return func(e trace.Event) {
		for _, t := range traces {
			t.Emit(e)
		}
	}
}

// Mapping describes the mapping whose UUID events name.
type Mapping struct {
	UUID        string            `json:"UUID"`
	Source      string            `json:"EventSourceArn"`
	Function    string            `json:"FunctionName"`
	Provisioned bool              `json:"Provisioned,omitempty"` // it has a ProvisionedPollerConfig
	Stream      bool              `json:"Stream,omitempty"`      // the source is a stream, not a queue
	Destination string            `json:"Destination,omitempty"` // the ARN of DestinationConfig.OnFailure
	Tags        map[string]string `json:"Tags,omitempty"`
}

// Describe returns what observers know of a mapping.
func Describe(m config.Mapping) Mapping {
	d := Mapping{
		UUID: m.UUID, Source: m.EventSourceArn, Function: m.FunctionName,
		Provisioned: m.ProvisionedPollerConfig != nil, Stream: m.OfStream(), Tags: m.Tags,
	}
	if m.DestinationConfig != nil {
		d.Destination = m.DestinationConfig.OnFailure.Destination
	}
	return d
}

// SourceName returns the short name of the source: that of the queue, the table, or the data stream with its consumer's.
func (m Mapping) SourceName() string { return config.ParseSource(m.Source).Title() }

// ShortShard returns a short form of the ID of one of the source's shards.
func (m Mapping) ShortShard(id string) string { return config.ParseSource(m.Source).ShortShard(id) }

// compare orders mappings by source and by function.
func (m Mapping) compare(o Mapping) int {
	return cmp.Or(strings.Compare(m.Source, o.Source), strings.Compare(m.Function, o.Function), strings.Compare(m.UUID, o.UUID))
}

// Title returns the name of the mapping for people.
func (m Mapping) Title() string { return m.SourceName() + " → " + m.Function }

// result returns Done, or the reason why a batch was not.
func result(e trace.Invoked) string {
	if e.Reason != "" {
		return string(e.Reason)
	}
	return e.Verdict.String()
}

// why returns in one line why a batch is not done.
func why(e trace.Invoked) string {
	if e.Detail == "" {
		return string(e.Reason)
	}
	return string(e.Reason) + ": " + brief(e.Detail)
}

// failedRecords counts like AWS's FailedInvokeEventCount: the reported records of a partial failure, otherwise all (AWS:
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

// onlyLeft reports whether no event but e says why its records were left. Otherwise an Invoked did.
func onlyLeft(e trace.Left) bool {
	switch e.Reason {
	case trace.ReasonNoPermit, trace.ReasonRecordTooLarge, trace.ReasonGroupBlocked, trace.ReasonStopping,
		trace.ReasonRecursive, trace.ReasonReturned, trace.ReasonDeleteFailed:
		return true
	}
	return e.Err != nil
}

// intended reports whether records are left as they are meant to be: in order, and in their queue.
func intended(e trace.Left) bool {
	switch e.Reason {
	case trace.ReasonGroupBlocked, trace.ReasonStopping:
		return true
	}
	return false
}
