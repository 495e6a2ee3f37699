package policy_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/esm-run/esm"
	"github.com/esm-run/esm/engine/policy"
	"github.com/esm-run/esm/trace"
)

var began = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

// batch returns records with these IDs, each with 30 s left.
func batch(ids ...string) []esm.Record {
	var recs []esm.Record
	for _, id := range ids {
		recs = append(recs, esm.Record{
			ID: id, Receipt: "handle-" + id, Until: began.Add(30 * time.Second), Event: []byte(`{"messageId":"` + id + `"}`),
		})
	}
	return recs
}

func idsOf(recs []esm.Record) []string {
	var ids []string
	for _, rec := range recs {
		ids = append(ids, rec.ID)
	}
	return ids
}

func answered(payload string) esm.Response {
	return esm.Response{Payload: []byte(payload), Status: 200, Version: "$LATEST"}
}

func faulted(fault, payload string) esm.Response {
	return esm.Response{Payload: []byte(payload), Fault: fault, Status: 200}
}

// want is the expected effect of a try with m1, m2 and m3.
type want struct {
	verdict trace.Verdict
	reason  trace.Reason
	deleted string // IDs, separated by spaces
	failed  string
}

var (
	deleteAll = want{verdict: trace.Done, deleted: "m1 m2 m3"}
	deleteBut = func(failed, deleted string) want {
		return want{trace.Partial, trace.ReasonItemFailures, deleted, failed}
	}
	allFail = func(r trace.Reason) want { return want{verdict: trace.Failed, reason: r} }
	notRun  = func(r trace.Reason) want { return want{verdict: trace.NotRun, reason: r} }
	refused = func(r trace.Reason) want { return want{verdict: trace.Refused, reason: r} }
)

// Every row of what AWS documents, or was observed to do. Without ReportBatchItemFailures, all of these answers delete
// everything.
var answers = []struct {
	name, answer string
	want         want // with ReportBatchItemFailures
}{
	{"row 1: any text", `done`, allFail(trace.ReasonBadReportNotJSON)},
	{"row 1: a well-formed list of failures", `{"batchItemFailures":[{"itemIdentifier":"m2"}]}`, deleteBut("m2", "m1 m3")},
	{"row 2: null", `null`, deleteAll},
	{"row 2: null amid white space", " null\r\n", deleteAll},
	{"row 2: nothing", ``, deleteAll},
	{"row 3: an empty object", `{}`, deleteAll},
	{"row 3: an empty object amid white space", "\t{ }\n", deleteAll},
	{"row 4: an empty list", `{"batchItemFailures":[]}`, deleteAll},
	{"row 4: an empty list amid white space", ` { "batchItemFailures" : [ ] } `, deleteAll},
	{"row 5: a null list", `{"batchItemFailures":null}`, deleteAll},
	{"row 5: a null list amid white space", `{"batchItemFailures" : null }`, deleteAll},
	{"row 6: another object", `{"statusCode":200,"body":"…"}`, deleteAll},
	{"row 6: the list's name in another case", `{"BatchItemFailures":[{"itemIdentifier":"m2"}]}`, deleteAll},
	{"row 6: the list one level down", `{"body":{"batchItemFailures":[{"itemIdentifier":"m2"}]}}`, deleteAll},
	{"row 7: one id", `{"batchItemFailures":[{"itemIdentifier":"m3"}]}`, deleteBut("m3", "m1 m2")},
	{"row 7: ids in another order", `{"batchItemFailures":[{"itemIdentifier":"m3"},{"itemIdentifier":"m1"}]}`, deleteBut("m1 m3", "m2")},
	{"row 7: names and ids with escapes", `{"batchItem\u0046ailures":[{"item\u0049dentifier":"\u006d2"}]}`, deleteBut("m2", "m1 m3")},
	{"row 8: all ids", `{"batchItemFailures":[{"itemIdentifier":"m1"},{"itemIdentifier":"m2"},{"itemIdentifier":"m3"}]}`, deleteBut("m1 m2 m3", "")},
	{"row 9: an id twice", `{"batchItemFailures":[{"itemIdentifier":"m2"},{"itemIdentifier":"m2"}]}`, deleteBut("m2", "m1 m3")},
	{"row 10: an id not in the batch", `{"batchItemFailures":[{"itemIdentifier":"m4"}]}`, allFail(trace.ReasonBadReportUnknownItem)},
	{"row 10: an id not in the batch beside one that is", `{"batchItemFailures":[{"itemIdentifier":"m2"},{"itemIdentifier":"m4"}]}`, allFail(trace.ReasonBadReportUnknownItem)},
	{"row 10: an id in another case", `{"batchItemFailures":[{"itemIdentifier":"M2"}]}`, allFail(trace.ReasonBadReportUnknownItem)},
	{"row 10: an id with a blank", `{"batchItemFailures":[{"itemIdentifier":"m2 "}]}`, allFail(trace.ReasonBadReportUnknownItem)},
	{"row 11: an empty id", `{"batchItemFailures":[{"itemIdentifier":""}]}`, allFail(trace.ReasonBadReportItem)},
	{"row 12: a null id", `{"batchItemFailures":[{"itemIdentifier":null}]}`, allFail(trace.ReasonBadReportItem)},
	{"row 13: an entry with a wrong name", `{"batchItemFailures":[{"foo":"notvalid"}]}`, allFail(trace.ReasonBadReportItem)},
	{"row 13: an entry's name in another case", `{"batchItemFailures":[{"ItemIdentifier":"m2"}]}`, allFail(trace.ReasonBadReportItem)},
	{"row 13: an empty entry", `{"batchItemFailures":[{}]}`, allFail(trace.ReasonBadReportItem)},
	{"row 14: an entry that is a string", `{"batchItemFailures":["m2"]}`, allFail(trace.ReasonBadReportItem)},
	{"row 14: an entry that is null", `{"batchItemFailures":[null]}`, allFail(trace.ReasonBadReportItem)},
	{"row 14: an id that is a number", `{"batchItemFailures":[{"itemIdentifier":2}]}`, allFail(trace.ReasonBadReportItem)},
	{"row 14: a list that is an object", `{"batchItemFailures":{"itemIdentifier":"m2"}}`, allFail(trace.ReasonBadReportList)},
	{"row 14: a list that is a string", `{"batchItemFailures":"m2"}`, allFail(trace.ReasonBadReportList)},
	{"row 14: a list that is false", `{"batchItemFailures":false}`, allFail(trace.ReasonBadReportList)},
	{"row 15: not JSON", `OK`, allFail(trace.ReasonBadReportNotJSON)},
	{"row 15: only white space", " \n", allFail(trace.ReasonBadReportNotJSON)},
	{"row 15: something behind the object", `{"batchItemFailures":[]} x`, allFail(trace.ReasonBadReportNotJSON)},
	{"row 15: two objects", `{}{}`, allFail(trace.ReasonBadReportNotJSON)},
	{"row 15: cut off", `{"batchItemFailures":[{"itemIdentifier":"m2"}`, allFail(trace.ReasonBadReportNotJSON)},
	{"row 15: a comma too many", `{"batchItemFailures":[],}`, allFail(trace.ReasonBadReportNotJSON)},
	{"row 15: invalid UTF-8", "{\"note\":\"\xff\"}", allFail(trace.ReasonBadReportNotJSON)},
	{"row 15: a byte order mark", "\uFEFF{}", allFail(trace.ReasonBadReportNotJSON)},
	{"row 15: nested without end", strings.Repeat("[", 100_000), allFail(trace.ReasonBadReportNotJSON)},
	{"row 16: a string", `"ok"`, allFail(trace.ReasonBadReportNotObject)},
	{"row 16: a number", `5`, allFail(trace.ReasonBadReportNotObject)},
	{"row 16: a boolean", `true`, allFail(trace.ReasonBadReportNotObject)},
	{"row 16: an array", `[{"itemIdentifier":"m2"}]`, allFail(trace.ReasonBadReportNotObject)},
	{"row 16: the empty string is an empty answer", `""`, deleteAll},
	{"row 16: a string of one blank is not", `" "`, allFail(trace.ReasonBadReportNotObject)},
	{"row 17: a receipt handle", `{"batchItemFailures":[{"itemIdentifier":"handle-m2"}]}`, allFail(trace.ReasonBadReportUnknownItem)},
	{"row 18: extra names", `{"x":[{"itemIdentifier":"m1"}],"batchItemFailures":[{"why":{"itemIdentifier":"m1"},"itemIdentifier":"m2"}],"BatchItemFailures":5}`, deleteBut("m2", "m1 m3")},
	{"a list twice", `{"batchItemFailures":[{"itemIdentifier":"m2"}],"batchItemFailures":[]}`, allFail(trace.ReasonBadReportList)},
	{"an id's name twice", `{"batchItemFailures":[{"itemIdentifier":"m2","itemIdentifier":"m1"}]}`, allFail(trace.ReasonBadReportItem)},
}

// Failures mean the same with and without ReportBatchItemFailures.
var failures = []struct {
	name string
	resp esm.Response
	err  error
	want want
}{
	{name: "row 19: an exception", resp: faulted("Unhandled", `{"errorMessage":"boom"}`), want: allFail(trace.ReasonFunctionError)},
	{name: "row 19: a handled exception", resp: faulted("Handled", `{}`), want: allFail(trace.ReasonFunctionError)},
	{name: "row 19: an exception that looks like a report", resp: faulted("Unhandled", `{"batchItemFailures":[]}`), want: allFail(trace.ReasonFunctionError)},
	{name: "row 20: a timeout", resp: faulted("Sandbox.Timedout", `{}`), want: allFail(trace.ReasonFunctionTimeout)},
	{name: "row 21: init failure, runtime exit", resp: faulted("Runtime.ExitError", `{}`), want: allFail(trace.ReasonRuntimeError)},
	{name: "row 21: bad handler", resp: faulted("Runtime.HandlerNotFound", `{}`), want: allFail(trace.ReasonRuntimeError)},
	{name: "row 21: out of memory", resp: faulted("Runtime.OutOfMemory", `{}`), want: allFail(trace.ReasonOutOfMemory)},
	{name: "row 21: response too large", resp: faulted("Function.ResponseSizeTooLarge", `{}`), want: allFail(trace.ReasonResponseTooLarge)},
	{name: "row 21: an extension", resp: faulted("Extension.Crash", ``), want: allFail(trace.ReasonRuntimeError)},
	{name: "row 22: throttled", err: fmt.Errorf("invoke: %w", esm.ErrThrottled), want: notRun(trace.ReasonThrottled)},
	{name: "row 23: did not run", err: fmt.Errorf("connection refused: %w", esm.ErrNotRun), want: notRun(trace.ReasonNotRun)},
	{name: "row 23: connection lost after the request", err: errors.New("connection reset"), want: allFail(trace.ReasonOutcomeUnknown)},
	{name: "row 23: connection lost, with a perfect answer", resp: answered(`{}`), err: errors.New("unexpected EOF"), want: allFail(trace.ReasonOutcomeUnknown)},
	{name: "row 23: a status that is no success", resp: esm.Response{Status: 502}, want: allFail(trace.ReasonOutcomeUnknown)},
	{name: "row 24: function gone, access denied", err: fmt.Errorf("invoke: %w", esm.ErrRefused), want: refused(trace.ReasonRefused)},
	{name: "row 24: too large", err: fmt.Errorf("invoke: %w", esm.ErrTooLarge), want: refused(trace.ReasonEventTooLarge)},
	{name: "row 25: recursive invocation", err: fmt.Errorf("recursive: %w", esm.ErrRefused), want: refused(trace.ReasonRefused)},
}

func TestOutcomes(t *testing.T) {
	for _, row := range answers {
		t.Run(row.name, func(t *testing.T) {
			checkOutcome(t, answered(row.answer), nil, false, deleteAll)
			checkOutcome(t, answered(row.answer), nil, true, row.want)
		})
	}
	for _, row := range failures {
		t.Run(row.name, func(t *testing.T) {
			checkOutcome(t, row.resp, row.err, false, row.want)
			checkOutcome(t, row.resp, row.err, true, row.want)
		})
	}
}

func checkOutcome(t *testing.T, resp esm.Response, err error, report bool, want want) {
	t.Helper()
	recs := batch("m1", "m2", "m3")
	o := policy.ReadOutcome(recs, resp, err, report)
	if o.Verdict != want.verdict || o.Reason != want.reason {
		t.Errorf("report %v: got %v %q (%s), want %v %q", report, o.Verdict, o.Reason, o.Detail, want.verdict, want.reason)
	}
	if got := strings.Join(o.Failed, " "); got != want.failed {
		t.Errorf("report %v: failed %q, want %q", report, got, want.failed)
	}
	d := policy.Queue{}.After(recs, o, 1, began)
	if got := strings.Join(idsOf(d.Delete), " "); got != want.deleted {
		t.Errorf("report %v: deletes %q, want %q", report, got, want.deleted)
	}
	if got, want := d.Retry, want.verdict == trace.NotRun; got != want {
		t.Errorf("report %v: retry %v, want %v", report, got, want)
	}
	if got, want := d.Slow, want.verdict == trace.Refused; got != want {
		t.Errorf("report %v: slow %v, want %v", report, got, want)
	}
}

// Answers that delete everything although their author may have meant something else cause a warning.
func TestDoneWithAWarning(t *testing.T) {
	for _, test := range []struct {
		name, answer string
		report, warn bool
	}{
		{"the usual answer", `{"batchItemFailures":[]}`, true, false},
		{"another object", `{"statusCode":200}`, true, false},
		{"a name in another case", `{"BatchItemFailures":[]}`, true, true},
		{"the empty string", `""`, true, true},
		{"failures that nobody reads", `{"batchItemFailures":[{"itemIdentifier":"m1"}]}`, false, true},
		{"no failures that nobody reads", `{"batchItemFailures":[]}`, false, false},
		{"text that nobody reads", `OK`, false, false},
	} {
		o := policy.ReadOutcome(batch("m1"), answered(test.answer), nil, test.report)
		if o.Verdict != trace.Done || (o.Detail != "") != test.warn {
			t.Errorf("%s: got %v with detail %q, want Done, warning: %v", test.name, o.Verdict, o.Detail, test.warn)
		}
	}
}

// A standard queue may deliver a message twice in one batch: a report applies to both records.
func TestRepeatedMessage(t *testing.T) {
	recs := batch("m1", "m2", "m1")
	o := policy.ReadOutcome(recs, answered(`{"batchItemFailures":[{"itemIdentifier":"m1"}]}`), nil, true)
	if want := []string{"m1"}; !slices.Equal(o.Failed, want) {
		t.Errorf("failed %v, want %v", o.Failed, want)
	}
	d := policy.Queue{}.After(recs, o, 0, began)
	if got, want := idsOf(d.Left), []string{"m1", "m1"}; !slices.Equal(got, want) {
		t.Errorf("left %v, want %v", got, want)
	}
}

func TestDetailIsShortAndValid(t *testing.T) {
	for _, payload := range []string{
		strings.Repeat("x", 10_000),
		strings.Repeat("…", 10_000),
		strings.Repeat("a\xff", 10_000),
		strings.Repeat("\x80", 10_000),
		`{"batchItemFailures":[{"itemIdentifier":"` + strings.Repeat(`\u2028`, 10_000) + `"}]}`,
	} {
		for _, resp := range []esm.Response{answered(payload), faulted("Unhandled", payload)} {
			o := policy.ReadOutcome(batch("m1"), resp, nil, true)
			if o.Verdict != trace.Failed || o.Detail == "" || len(o.Detail) > policy.MaxDetail || !utf8.ValidString(o.Detail) {
				t.Errorf("%.20q: %v with %d bytes of detail, valid %v", payload, o.Verdict, len(o.Detail), utf8.ValidString(o.Detail))
			}
		}
	}
}
