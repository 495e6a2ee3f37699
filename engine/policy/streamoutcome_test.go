package policy_test

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/esm-run/esm"
	"github.com/esm-run/esm/engine/policy"
	"github.com/esm-run/esm/trace"
)

// What an answer of a function that reports failures means for records 1 to 3.
var streamAnswers = []struct {
	name, answer string
	verdict      trace.Verdict
	settled      string // in one step, without retries
}{
	{"the empty string", `""`, trace.Done, "1-3"},
	{"null", `null`, trace.Done, "1-3"},
	{"an empty list", `[]`, trace.Done, "1-3"},
	{"an empty object", `{}`, trace.Done, "1-3"},
	{"nothing", ``, trace.Done, "1-3"},
	{"no failures", `{"batchItemFailures":[]}`, trace.Done, "1-3"},
	{"null failures", `{"batchItemFailures":null}`, trace.Done, "1-3"},
	{"one", `{"batchItemFailures":[{"itemIdentifier":"3"}]}`, trace.Partial, "1-2"},
	{"the lowest of two", `{"batchItemFailures":[{"itemIdentifier":"2"},{"itemIdentifier":"3"}]}`, trace.Partial, "1"},
	{"the lowest of two, told last", `{"batchItemFailures":[{"itemIdentifier":"3"},{"itemIdentifier":"2"}]}`, trace.Partial, "1"},
	{"the first", `{"batchItemFailures":[{"itemIdentifier":"1"}]}`, trace.Partial, "given up"},
	{"one that is not there", `{"batchItemFailures":[{"itemIdentifier":"123"}]}`, trace.Failed, "given up"},
	{"one as eventID", `{"batchItemFailures":[{"itemIdentifier":"shardId-000000000002:2"}]}`, trace.Failed, "given up"},
	{"one with a zero before it", `{"batchItemFailures":[{"itemIdentifier":"02"}]}`, trace.Failed, "given up"},
	{"an empty one", `{"batchItemFailures":[{"itemIdentifier":""}]}`, trace.Failed, "given up"},
	{"null as one", `{"batchItemFailures":[{"itemIdentifier":null}]}`, trace.Failed, "given up"},
	{"a number as one", `{"batchItemFailures":[{"itemIdentifier":2}]}`, trace.Failed, "given up"},
	{"another key", `{"batchItemFailures":[{"foo":123}]}`, trace.Failed, "given up"},
	{"another key with null", `{"batchItemFailures":[{"foo":null}]}`, trace.Failed, "given up"},
	{"a good one and a bad one", `{"batchItemFailures":[{"itemIdentifier":"3"},{"itemIdentifier":"9"}]}`, trace.Failed, "given up"},
	{"a string", `"2"`, trace.Done, "1-3"},
	{"a number", `2`, trace.Done, "1-3"},
	{"true", `true`, trace.Done, "1-3"},
	{"a list", `[{"itemIdentifier":"2"}]`, trace.Done, "1-3"},
	{"another object", `{"statusCode":200}`, trace.Done, "1-3"},
	{"failures that are no list", `{"batchItemFailures":"2"}`, trace.Failed, "given up"},
	{"failures that are an object", `{"batchItemFailures":{"itemIdentifier":"2"}}`, trace.Failed, "given up"},
	{"failures twice", `{"batchItemFailures":[],"batchItemFailures":[]}`, trace.Failed, "given up"},
	{"half an answer", `{"batchItemFailures":[{"itemIdent`, trace.Failed, "given up"},
	{"no JSON", `OK`, trace.Failed, "given up"},
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
				t.Errorf("%s: the notice tells of %q", test.name, step.Response.Fault)
			}
		}
		if got != test.settled {
			t.Errorf("%s: settles %s, want %s", test.name, got, test.settled)
		}
		if o := policy.ReadStreamOutcome(recs, resp, nil, false); o.Verdict != trace.Done {
			t.Errorf("%s, not asked for: got %v", test.name, o.Verdict)
		}
		if o := policy.ReadStreamOutcome(recs, faulted("Unhandled", test.answer), nil, true); o.Verdict != trace.Failed {
			t.Errorf("%s, as an exception: got %v", test.name, o.Verdict)
		}
	}
}

// Records that came out of an aggregated one have its number: reporting it means the first of them.
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

func TestStreamErrors(t *testing.T) {
	for _, test := range []struct {
		err  error
		want trace.Verdict
	}{
		{fmt.Errorf("invoke: %w", esm.ErrThrottled), trace.NotRun},
		{esm.ErrNotRun, trace.NotRun},
		{esm.ErrRefused, trace.Refused},
		{errors.New("connection reset"), trace.Failed},
	} {
		o := policy.ReadStreamOutcome(records(1, 3), esm.Response{}, test.err, true)
		if o.Verdict != test.want {
			t.Errorf("%v: got %v, want %v", test.err, o.Verdict, test.want)
		}
		step := policy.Stream{Bisect: true}.After(policy.Run{Records: records(1, 3)}, o, esm.Response{}, began)
		if got, want := nextOf(step), "1-3 0 1"; got != want {
			t.Errorf("%v: next %q, want %q", test.err, got, want)
		}
	}
}

// Whatever is answered: a stream's reading differs from a queue's in answers that are no object, and in nothing else.
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

// sameJSON says that text is a value which parse has read.
func sameJSON(text []byte, want any) bool {
	got, ok := parse(text)
	return ok && fmt.Sprintf("%#v", got) == fmt.Sprintf("%#v", want)
}
