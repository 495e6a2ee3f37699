package policy

import (
	"bytes"
	"encoding/json"
	"strconv"
	"time"

	"github.com/esm-run/esm"
	"github.com/esm-run/esm/trace"
)

// ReasonNoWindowState is the reason of an answer without exactly one state that is not null, from a function with a
// tumbling window.
const ReasonNoWindowState trace.Reason = "NoWindowState"

// ReadWindowOutcome is [ReadStreamOutcome] for a function with a tumbling window. A successful answer, with or without
// failed items, must contain the window's new state, as any JSON but null; otherwise the try has failed, also that of a
// final invocation (AWS: "Using Lambda with Kinesis", tumbling windows). state is nil unless the verdict is Done or
// Partial.
func ReadWindowOutcome(recs []esm.Record, resp esm.Response, err error, report bool) (o Outcome, state json.RawMessage) {
	o = ReadStreamOutcome(recs, resp, err, report)
	if o.Verdict != trace.Done && o.Verdict != trace.Partial {
		return o, nil
	}
	answer := bytes.TrimSpace(resp.Payload)
	if validJSON(answer) && answer[0] == '{' {
		value, found := member(answer, "state")
		if found == 1 && string(value) != "null" {
			return o, value
		}
	}
	return failed(ReasonNoWindowState, "the answer has no state: "+start(resp.Payload)), nil
}

// Envelope returns the Envelope of events of w. After the records, an event holds its origin, the window, the state that
// the invocation before it returned, and whether it is the final one, in the order of AWS's events.
func (t Tumbling) Envelope(from Origin, w esm.Window) Envelope {
	b := make([]byte, 0, 256+len(from.Shard)+len(from.Source)+len(w.State))
	b = append(b, `],"shardId":`...)
	b = appendText(b, from.Shard)
	b = append(b, `,"eventSourceARN":`...)
	b = appendText(b, from.Source)
	b = append(b, `,"window":{"start":"`...)
	b = w.Start.UTC().AppendFormat(b, time.RFC3339)
	b = append(b, `","end":"`...)
	b = t.End(w).UTC().AppendFormat(b, time.RFC3339)
	b = append(b, `"},"state":`...)
	b = append(b, orEmpty(w.State)...)
	b = append(b, `,"isFinalInvokeForWindow":`...)
	b = strconv.AppendBool(b, w.Final)
	b = append(b, `,"isWindowTerminatedEarly":`...)
	b = strconv.AppendBool(b, w.Terminated)
	return list{tail: string(append(b, '}'))}
}

func appendText(b []byte, text string) []byte {
	quoted, _ := json.Marshal(text) // a string always has JSON
	return append(b, quoted...)
}
