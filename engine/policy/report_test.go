package policy_test

import (
	"bytes"
	"encoding/json"
	"io"
	"slices"
	"testing"
	"unicode/utf8"

	"github.com/esm-run/esm"
	"github.com/esm-run/esm/engine/policy"
	"github.com/esm-run/esm/trace"
)

func FuzzReadOutcome(f *testing.F) {
	for _, row := range answers {
		if len(row.answer) < 1000 { // minimizing a long seed takes too long
			f.Add([]byte(row.answer))
		}
	}
	f.Add([]byte(`{"batchItemFailures":[{"itemIdentifier":"\ud800"},{"itemIdentifier":1e999}]}`))
	f.Add([]byte("{\"a\":\"\\\"}\",\"batchItemFailures\":[{\"a\\\\\":[1,-2.5e3,{}],\"itemIdentifier\"\n:\t\"m1\" } ]}"))
	f.Fuzz(func(t *testing.T, payload []byte) {
		recs := batch("m1", "m2", "m3", "m2")
		before := bytes.Clone(payload)
		got := policy.ReadOutcome(recs, esm.Response{Payload: payload}, nil, true)
		if !bytes.Equal(payload, before) {
			t.Fatal("the payload was changed")
		}
		checkInvariants(t, recs, got)
		want := slowRead(recs, payload)
		if got.Verdict != want.Verdict || got.Reason != want.Reason || !slices.Equal(got.Failed, want.Failed) {
			t.Errorf("%q:\ngot  %v %s %q (%s)\nwant %v %s %q",
				payload, got.Verdict, got.Reason, got.Failed, got.Detail, want.Verdict, want.Reason, want.Failed)
		}
		if o := policy.ReadOutcome(recs, esm.Response{Payload: payload}, nil, false); o.Verdict != trace.Done {
			t.Errorf("%q without reports: %v", payload, o.Verdict)
		}
		o := policy.ReadOutcome(recs, esm.Response{Payload: payload, Fault: "Unhandled"}, nil, true)
		if o.Verdict != trace.Failed {
			t.Errorf("%q as a fault: %v", payload, o.Verdict)
		}
		checkInvariants(t, recs, o)
	})
}

func checkInvariants(t interface{ Errorf(string, ...any) }, recs []esm.Record, o policy.Outcome) {
	if (o.Verdict == trace.Done) != (o.Reason == "") {
		t.Errorf("%v with reason %q", o.Verdict, o.Reason)
	}
	if (o.Verdict == trace.Partial) != (len(o.Failed) > 0) {
		t.Errorf("%v with failed %q", o.Verdict, o.Failed)
	}
	if len(o.Detail) > policy.MaxDetail || !utf8.ValidString(o.Detail) {
		t.Errorf("detail of %d bytes: %q", len(o.Detail), o.Detail)
	}
	rest := o.Failed
	for _, rec := range recs {
		if len(rest) > 0 && rest[0] == rec.ID {
			rest = rest[1:]
		}
	}
	if len(rest) > 0 {
		t.Errorf("failed %q is not in the order of the batch, each once", o.Failed)
	}
}

// slowRead reads a report from a tree of values, checking one rule after another.
func slowRead(recs []esm.Record, payload []byte) policy.Outcome {
	bad := func(r trace.Reason) policy.Outcome { return policy.Outcome{Reason: r} }
	done := policy.Outcome{Verdict: trace.Done}
	if len(payload) == 0 {
		return done
	}
	root, ok := parse(payload)
	if !ok {
		return bad(trace.ReasonBadReportNotJSON)
	}
	if root == nil || root == "" {
		return done
	}
	top, ok := root.(object)
	if !ok {
		return bad(trace.ReasonBadReportNotObject)
	}
	lists := top.all("batchItemFailures")
	if len(lists) == 0 || len(lists) == 1 && lists[0] == nil {
		return done
	}
	list, ok := lists[0].([]any)
	if !ok || len(lists) > 1 {
		return bad(trace.ReasonBadReportList)
	}
	var reported []string
	for _, item := range list {
		id := ""
		if item, ok := item.(object); ok {
			if ids := item.all("itemIdentifier"); len(ids) == 1 {
				id, _ = ids[0].(string)
			}
		}
		if id == "" {
			return bad(trace.ReasonBadReportItem)
		}
		if !slices.Contains(idsOf(recs), id) {
			return bad(trace.ReasonBadReportUnknownItem)
		}
		reported = append(reported, id)
	}
	if len(reported) == 0 {
		return done
	}
	o := policy.Outcome{Verdict: trace.Partial, Reason: trace.ReasonItemFailures}
	for _, id := range idsOf(recs) {
		if slices.Contains(reported, id) && !slices.Contains(o.Failed, id) {
			o.Failed = append(o.Failed, id)
		}
	}
	return o
}

// object keeps repeated names, unlike a map.
type object []struct {
	name  string
	value any
}

func (o object) all(name string) (values []any) {
	for _, m := range o {
		if m.name == name {
			values = append(values, m.value)
		}
	}
	return values
}

func parse(text []byte) (any, bool) {
	var whole any
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.UseNumber()
	if err := dec.Decode(&whole); err != nil || !utf8.Valid(text) {
		return nil, false
	}
	if _, err := dec.Token(); err != io.EOF {
		return nil, false
	}
	dec = json.NewDecoder(bytes.NewReader(text))
	dec.UseNumber()
	return parseValue(dec), true
}

func parseValue(dec *json.Decoder) any {
	token, _ := dec.Token()
	switch token {
	case json.Delim('['):
		array := []any{}
		for dec.More() {
			array = append(array, parseValue(dec))
		}
		dec.Token()
		return array
	case json.Delim('{'):
		o := object{}
		for dec.More() {
			name, _ := parseValue(dec).(string)
			o = append(o, struct {
				name  string
				value any
			}{name, parseValue(dec)})
		}
		dec.Token()
		return o
	}
	return token
}
