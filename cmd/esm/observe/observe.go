// Package observe turns what the engine tells into what people and machines read: lines on a terminal, structured logs,
// Prometheus metrics and the status of every mapping.
package observe

import (
	"cmp"
	"strings"

	"github.com/esm-run/esm"
	"github.com/esm-run/esm/engine/policy"
)

// Tee tells each of traces, in their order.
func Tee(traces ...esm.Trace) esm.Trace {
	return func(e esm.Event) {
		for _, t := range traces {
			t.Tell(e)
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

// SourceName is the name in the source's ARN: that of the queue, of the data stream, with its consumer's if it is read
// through one, or of the table.
func (m Mapping) SourceName() string {
	if m.Stream {
		return m.streamName()
	}
	return m.Source[strings.LastIndex(m.Source, ":")+1:]
}

func (m Mapping) streamName() string {
	arn, err := esm.ParseARN(m.Source)
	parts := strings.Split(arn.Resource, "/") // stream/NAME, stream/NAME/consumer/NAME:TIME, table/NAME/stream/TIME
	switch {
	case err != nil || len(parts) < 2:
		return m.Source
	case len(parts) == 4 && parts[2] == "consumer":
		consumer, _, _ := strings.Cut(parts[3], ":")
		return parts[1] + "/" + consumer
	}
	return parts[1]
}

// compare orders mappings by source and by function.
func (m Mapping) compare(o Mapping) int {
	return cmp.Or(strings.Compare(m.Source, o.Source), strings.Compare(m.Function, o.Function), strings.Compare(m.UUID, o.UUID))
}

// Title names the mapping for people.
func (m Mapping) Title() string { return m.SourceName() + " → " + m.Function }

// The verdicts of an Invoked that are told apart here.
var (
	verdictDone    = policy.Done.String()
	verdictPartial = policy.Partial.String()
	verdictNotRun  = policy.NotRun.String()
	verdictRefused = policy.Refused.String()
)

// result is Done, or the reason why a batch was not.
func result(e esm.Invoked) string {
	if e.Reason != "" {
		return e.Reason
	}
	return e.Verdict
}

// waits reports whether it is news that a batch waits for its turn. It says so once; the shards of a stream say so
// together, once a minute for each reason, since each of them waits until it can run.
func waits(e esm.Invoked, stalls *repeats) bool {
	if e.Shard == "" {
		return e.Tries == 1
	}
	return stalls.news(e.Mapping, e.Reason, everyMinute)
}

// failedRecords counts as AWS's FailedInvokeEventCount does: the reported records of a partial failure, else all (AWS:
// "Types of metrics for Lambda functions").
func failedRecords(e esm.Invoked) int {
	switch e.Verdict {
	case verdictDone:
		return 0
	case verdictPartial:
		return len(e.Failed)
	}
	return len(e.Records)
}

// untold reports whether nothing but e itself tells why its records were left. Otherwise an Invoked did.
func untold(e esm.Left) bool {
	switch policy.Reason(e.Reason) {
	case policy.ReasonNoPermit, policy.ReasonRecordTooLarge, policy.ReasonGroupBlocked, policy.ReasonStopping,
		policy.ReasonReturned, policy.ReasonDeleteFailed:
		return true
	}
	return e.Err != nil
}

// expected reports whether records are left as they are meant to be: the queue keeps them, in their order.
func expected(e esm.Left) bool {
	switch policy.Reason(e.Reason) {
	case policy.ReasonGroupBlocked, policy.ReasonStopping:
		return true
	}
	return false
}
