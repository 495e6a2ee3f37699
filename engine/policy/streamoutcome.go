package policy

import "github.com/esm-run/esm/trace"

import "github.com/esm-run/esm"

// ReadStreamOutcome is [ReadOutcome] for records of a stream, where AWS reads one kind of answer differently: JSON that
// is not an object reports no failures and is a success, as was seen for [] and "" (AWS: "Configuring partial batch
// response with Kinesis Data Streams and Lambda").
//
// IDs are sequence numbers. The first of Failed is the lowest, whatever order the handler told them in: see
// [Stream.After]. Records that came out of an aggregated one share its number, which then names all of them.
func ReadStreamOutcome(recs []esm.Record, resp esm.Response, err error, report bool) Outcome {
	o := ReadOutcome(recs, resp, err, report)
	if o.Reason == trace.ReasonBadReportNotObject {
		return Outcome{Verdict: trace.Done, Detail: o.Detail}
	}
	return o
}
