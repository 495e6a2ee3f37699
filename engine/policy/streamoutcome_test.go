package policy_test

import (
	"bytes"
	"fmt"
	"slices"
	"testing"

	"github.com/esm-run/esm"
	"github.com/esm-run/esm/engine/policy"
	"github.com/esm-run/esm/trace"
)

// Answers of a function that reports failures of records 1 to 3, as observed on AWS or where a stream differs from a queue.
var streamAnswers = []struct {
	name, answer string
	verdict      trace.Verdict
	settled      string // in one step, without retries
}{
	{"the empty string", `""`, trace.Done, "1-3"},
	{"an empty list", `[]`, trace.Done, "1-3"},
	{"a list", `[{"itemIdentifier":"2"}]`, trace.Done, "1-3"},
	{"a string", `"2"`, trace.Done, "1-3"},
	{"a number", `2`, trace.Done, "1-3"},
	{"true", `true`, trace.Done, "1-3"},
	{"null", `null`, trace.Done, "1-3"},
	{"no failures", `{"batchItemFailures":[]}`, trace.Done, "1-3"},
	{"one", `{"batchItemFailures":[{"itemIdentifier":"3"}]}`, trace.Partial, "1-2"},
	{"the lowest of two", `{"batchItemFailures":[{"itemIdentifier":"2"},{"itemIdentifier":"3"}]}`, trace.Partial, "1"},
	{"the lowest of two, last", `{"batchItemFailures":[{"itemIdentifier":"3"},{"itemIdentifier":"2"}]}`, trace.Partial, "1"},
	{"the first", `{"batchItemFailures":[{"itemIdentifier":"1"}]}`, trace.Partial, "given up"},
	{"an eventID", `{"batchItemFailures":[{"itemIdentifier":"shardId-000000000002:2"}]}`, trace.Failed, "given up"},
	{"a leading zero", `{"batchItemFailures":[{"itemIdentifier":"02"}]}`, trace.Failed, "given up"},
	{"another key with null", `{"batchItemFailures":[{"foo":null}]}`, trace.Failed, "given up"},
	{"not JSON", `OK`, trace.Failed, "given up"},
}

func TestStreamAnswers(t *testing.T) {
	for _, test := range streamAnswers {
		recs := records(1, 3)
		resp := answered(test.answer)
		o := policy.ReadStreamOutcome(recs, resp, nil, true)
		checkInvariants(t, recs, o)
		if o.Verdict != test.verdict {
			t.Errorf("%s: got %v (%s), want %v", test.name, o.Verdict, o.Detail, test.verdict)
		}
		step := policy.Stream{}.After(policy.Run{Records: recs}, o, resp, began)
		got := span(step.Settled)
		if step.Why != "" {
			got = "given up"
			if step.Response.Fault != "" {
				t.Errorf("%s: the notice has the fault %q", test.name, step.Response.Fault)
			}
		}
		if got != test.settled {
			t.Errorf("%s: settles %s, want %s", test.name, got, test.settled)
		}
		if o := policy.ReadStreamOutcome(recs, resp, nil, false); o.Verdict != trace.Done {
			t.Errorf("%s, without reports: got %v", test.name, o.Verdict)
		}
		if o := policy.ReadStreamOutcome(recs, faulted("Unhandled", test.answer), nil, true); o.Verdict != trace.Failed {
			t.Errorf("%s, as an exception: got %v", test.name, o.Verdict)
		}
	}
}

// The records of an aggregated record share its number: reporting it means the first of them.
func TestReportOfAnAggregate(t *testing.T) {
	recs := records(1, 6)
	for i, id := range []string{"1", "2", "2", "2", "3", "3"} {
		recs[i].ID = id
	}
	o := policy.ReadStreamOutcome(recs, answered(`{"batchItemFailures":[{"itemIdentifier":"3"},{"itemIdentifier":"2"}]}`), nil, true)
	step := policy.Stream{}.After(policy.Run{Records: recs}, o, esm.Response{}, began)
	if got := len(step.Settled); got != 1 {
		t.Errorf("settles %d records, want 1", got)
	}
}

// A stream differs from a queue only in answers that are not an object.
func FuzzReadStreamOutcome(f *testing.F) {
	for _, test := range streamAnswers {
		f.Add([]byte(test.answer))
	}
	f.Add([]byte(" [ \"\\u0000\" , -0.5e-3 ]\n"))
	f.Add([]byte(`{"state":{"n":1},"batchItemFailures":[{"itemIdentifier":"\u0032"}]}`))
	f.Fuzz(func(t *testing.T, payload []byte) {
		recs := records(1, 3)
		before := bytes.Clone(payload)
		got := policy.ReadStreamOutcome(recs, esm.Response{Payload: payload}, nil, true)
		checkInvariants(t, recs, got)
		want := slowRead(recs, payload)
		if want.Reason == trace.ReasonBadReportNotObject {
			want = policy.Outcome{Verdict: trace.Done}
		}
		if got.Verdict != want.Verdict || got.Reason != want.Reason || !slices.Equal(got.Failed, want.Failed) {
			t.Errorf("%q: got %v %s %q, want %v %s %q", payload, got.Verdict, got.Reason, got.Failed, want.Verdict, want.Reason, want.Failed)
		}
		checkStep(t, policy.Run{Records: recs}, policy.Stream{}.After(policy.Run{Records: recs}, got, esm.Response{}, began))

		windowed, state := policy.ReadWindowOutcome(recs, esm.Response{Payload: payload}, nil, true)
		checkInvariants(t, recs, windowed)
		if answered := windowed.Verdict == trace.Done || windowed.Verdict == trace.Partial; answered != (state != nil) {
			t.Errorf("%q: %v with state %q", payload, windowed.Verdict, state)
		}
		if state != nil {
			tree, _ := parse(payload)
			if states := tree.(object).all("state"); len(states) != 1 || !sameJSON(state, states[0]) {
				t.Errorf("%q: state %q", payload, state)
			}
		}
		if !bytes.Equal(payload, before) {
			t.Fatal("the payload was changed")
		}
	})
}

// sameJSON reports whether text is a value that parse returned.
func sameJSON(text []byte, want any) bool {
	got, ok := parse(text)
	return ok && fmt.Sprintf("%#v", got) == fmt.Sprintf("%#v", want)
}
