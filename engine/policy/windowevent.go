package policy

import (
	"encoding/json"
	"github.com/esm-run/esm/trace"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/esm-run/esm"
)

// ReasonNoWindowState is an answer without exactly one state that is not null, from a function with a tumbling window.
const ReasonNoWindowState trace.Reason = "NoWindowState"

// ReadWindowOutcome is [ReadStreamOutcome] for a function with a tumbling window. Whatever it reports, its answer has to
// hold the window's new state, as any JSON but null; otherwise the try has failed, that of a final invocation, too (AWS:
// "Using Lambda with Kinesis", tumbling windows). state is nil unless the verdict is Done or Partial. It is part of
// resp's Payload.
func ReadWindowOutcome(recs []esm.Record, resp esm.Response, err error, report bool) (o Outcome, state json.RawMessage) {
	o = ReadStreamOutcome(recs, resp, err, report)
	if o.Verdict != trace.Done && o.Verdict != trace.Partial {
		return o, nil
	}
	state = stateOf(resp.Payload)
	if state == nil {
		return failed(ReasonNoWindowState, "the answer has no state: "+start(resp.Payload)), nil
	}
	return o, state
}

// stateOf is the state that an answer holds; nil is none.
func stateOf(answer []byte) json.RawMessage {
	if !utf8.Valid(answer) || !json.Valid(answer) {
		return nil
	}
	if answer = trim(answer); answer[0] != '{' {
		return nil
	}
	state, found := member(answer, "state")
	if found != 1 || string(state) == "null" {
		return nil
	}
	return json.RawMessage(state)
}

// Payload is the event that a function with a tumbling window gets: that of [Payload], and then where it comes from, the
// window, the state that the invocation before it has returned, and whether it is the final one.
func (t Tumbling) Payload(from Origin, w esm.Window, recs []esm.Record) json.RawMessage {
	p := Payload(recs)
	return append(p[:len(p)-1], t.tail(from, w)...)
}

// Room is how many bytes Batching's MaxBytes may be, so that the whole event of a window fits into an invocation.
func (t Tumbling) Room(from Origin, w esm.Window) int {
	return esm.MaxPayload - len(t.tail(from, w)) + len("}")
}

// tail is what follows the records, in the order of AWS's events.
func (t Tumbling) tail(from Origin, w esm.Window) []byte {
	b := make([]byte, 0, 256+len(from.Shard)+len(from.Source)+len(w.State))
	b = append(b, `,"shardId":`...)
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
	return append(b, '}')
}

func appendText(b []byte, text string) []byte {
	quoted, _ := json.Marshal(text) // of a string there is always one
	return append(b, quoted...)
}
