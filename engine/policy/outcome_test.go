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

// batch is the records of these IDs, each with 30 s left.
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

// want is what a try with m1, m2 and m3 is to mean.
type want struct {
	verdict trace.Verdict
	reason  trace.Reason
	deleted string // IDs, with a blank between
	failed  string // likewise
}

var (
	deleteAll = want{verdict: trace.Done, deleted: "m1 m2 m3"}
	deleteBut = func(failed, deleted string) want {
		return want{trace.Partial, trace.ReasonItemFailures, deleted, failed}
	}
	completeFailure = func(r trace.Reason) want { return want{verdict: trace.Failed, reason: r} }
)

// Every row of what AWS documents, or was seen to do, with an outcome. off is without ReportBatchItemFailures, on with.
var rows = []struct {
	name    string
	resp    esm.Response
	err     error
	off, on want
}{
	{name: "row 1: any text", resp: answered(`done`), off: deleteAll, on: completeFailure(trace.ReasonBadReportNotJSON)},
	{name: "row 1: a well-formed list of failures", resp: answered(`{"batchItemFailures":[{"itemIdentifier":"m2"}]}`), off: deleteAll, on: deleteBut("m2", "m1 m3")},
	{name: "row 2: null", resp: answered(`null`), off: deleteAll, on: deleteAll},
	{name: "row 2: null amid white space", resp: answered(" null\r\n"), off: deleteAll, on: deleteAll},
	{name: "row 2: nothing", resp: answered(``), off: deleteAll, on: deleteAll},
	{name: "row 3: an empty object", resp: answered(`{}`), off: deleteAll, on: deleteAll},
	{name: "row 3: an empty object amid white space", resp: answered("\t{ }\n"), off: deleteAll, on: deleteAll},
	{name: "row 4: an empty list", resp: answered(`{"batchItemFailures":[]}`), off: deleteAll, on: deleteAll},
	{name: "row 4: an empty list amid white space", resp: answered(` { "batchItemFailures" : [ ] } `), off: deleteAll, on: deleteAll},
	{name: "row 5: a null list", resp: answered(`{"batchItemFailures":null}`), off: deleteAll, on: deleteAll},
	{name: "row 5: a null list amid white space", resp: answered(`{"batchItemFailures" : null }`), off: deleteAll, on: deleteAll},
	{name: "row 6: another object", resp: answered(`{"statusCode":200,"body":"…"}`), off: deleteAll, on: deleteAll},
	{name: "row 6: the list's name in another case", resp: answered(`{"BatchItemFailures":[{"itemIdentifier":"m2"}]}`), off: deleteAll, on: deleteAll},
	{name: "row 6: the list one level down", resp: answered(`{"body":{"batchItemFailures":[{"itemIdentifier":"m2"}]}}`), off: deleteAll, on: deleteAll},
	{name: "row 7: one id", resp: answered(`{"batchItemFailures":[{"itemIdentifier":"m3"}]}`), off: deleteAll, on: deleteBut("m3", "m1 m2")},
	{name: "row 7: ids in another order", resp: answered(`{"batchItemFailures":[{"itemIdentifier":"m3"},{"itemIdentifier":"m1"}]}`), off: deleteAll, on: deleteBut("m1 m3", "m2")},
	{name: "row 7: names and ids with escapes", resp: answered(`{"batchItem\u0046ailures":[{"item\u0049dentifier":"\u006d2"}]}`), off: deleteAll, on: deleteBut("m2", "m1 m3")},
	{name: "row 8: all ids", resp: answered(`{"batchItemFailures":[{"itemIdentifier":"m1"},{"itemIdentifier":"m2"},{"itemIdentifier":"m3"}]}`), off: deleteAll, on: deleteBut("m1 m2 m3", "")},
	{name: "row 9: an id twice", resp: answered(`{"batchItemFailures":[{"itemIdentifier":"m2"},{"itemIdentifier":"m2"}]}`), off: deleteAll, on: deleteBut("m2", "m1 m3")},
	{name: "row 10: an id not in the batch", resp: answered(`{"batchItemFailures":[{"itemIdentifier":"m4"}]}`), off: deleteAll, on: completeFailure(trace.ReasonBadReportUnknownItem)},
	{name: "row 10: an id not in the batch beside one that is", resp: answered(`{"batchItemFailures":[{"itemIdentifier":"m2"},{"itemIdentifier":"m4"}]}`), off: deleteAll, on: completeFailure(trace.ReasonBadReportUnknownItem)},
	{name: "row 10: an id in another case", resp: answered(`{"batchItemFailures":[{"itemIdentifier":"M2"}]}`), off: deleteAll, on: completeFailure(trace.ReasonBadReportUnknownItem)},
	{name: "row 10: an id with a blank", resp: answered(`{"batchItemFailures":[{"itemIdentifier":"m2 "}]}`), off: deleteAll, on: completeFailure(trace.ReasonBadReportUnknownItem)},
	{name: "row 11: an empty id", resp: answered(`{"batchItemFailures":[{"itemIdentifier":""}]}`), off: deleteAll, on: completeFailure(trace.ReasonBadReportItem)},
	{name: "row 12: a null id", resp: answered(`{"batchItemFailures":[{"itemIdentifier":null}]}`), off: deleteAll, on: completeFailure(trace.ReasonBadReportItem)},
	{name: "row 13: an entry with a wrong name", resp: answered(`{"batchItemFailures":[{"foo":"notvalid"}]}`), off: deleteAll, on: completeFailure(trace.ReasonBadReportItem)},
	{name: "row 13: an entry's name in another case", resp: answered(`{"batchItemFailures":[{"ItemIdentifier":"m2"}]}`), off: deleteAll, on: completeFailure(trace.ReasonBadReportItem)},
	{name: "row 13: an empty entry", resp: answered(`{"batchItemFailures":[{}]}`), off: deleteAll, on: completeFailure(trace.ReasonBadReportItem)},
	{name: "row 14: an entry that is a string", resp: answered(`{"batchItemFailures":["m2"]}`), off: deleteAll, on: completeFailure(trace.ReasonBadReportItem)},
	{name: "row 14: an entry that is null", resp: answered(`{"batchItemFailures":[null]}`), off: deleteAll, on: completeFailure(trace.ReasonBadReportItem)},
	{name: "row 14: an id that is a number", resp: answered(`{"batchItemFailures":[{"itemIdentifier":2}]}`), off: deleteAll, on: completeFailure(trace.ReasonBadReportItem)},
	{name: "row 14: a list that is an object", resp: answered(`{"batchItemFailures":{"itemIdentifier":"m2"}}`), off: deleteAll, on: completeFailure(trace.ReasonBadReportList)},
	{name: "row 14: a list that is a string", resp: answered(`{"batchItemFailures":"m2"}`), off: deleteAll, on: completeFailure(trace.ReasonBadReportList)},
	{name: "row 14: a list that is false", resp: answered(`{"batchItemFailures":false}`), off: deleteAll, on: completeFailure(trace.ReasonBadReportList)},
	{name: "row 15: not JSON", resp: answered(`OK`), off: deleteAll, on: completeFailure(trace.ReasonBadReportNotJSON)},
	{name: "row 15: only white space", resp: answered(" \n"), off: deleteAll, on: completeFailure(trace.ReasonBadReportNotJSON)},
	{name: "row 15: something behind the object", resp: answered(`{"batchItemFailures":[]} x`), off: deleteAll, on: completeFailure(trace.ReasonBadReportNotJSON)},
	{name: "row 15: two objects", resp: answered(`{}{}`), off: deleteAll, on: completeFailure(trace.ReasonBadReportNotJSON)},
	{name: "row 15: cut off", resp: answered(`{"batchItemFailures":[{"itemIdentifier":"m2"}`), off: deleteAll, on: completeFailure(trace.ReasonBadReportNotJSON)},
	{name: "row 15: a comma too many", resp: answered(`{"batchItemFailures":[],}`), off: deleteAll, on: completeFailure(trace.ReasonBadReportNotJSON)},
	{name: "row 15: invalid UTF-8", resp: answered("{\"note\":\"\xff\"}"), off: deleteAll, on: completeFailure(trace.ReasonBadReportNotJSON)},
	{name: "row 15: a byte order mark", resp: answered("\uFEFF{}"), off: deleteAll, on: completeFailure(trace.ReasonBadReportNotJSON)},
	{name: "row 15: nested without end", resp: answered(strings.Repeat("[", 100_000)), off: deleteAll, on: completeFailure(trace.ReasonBadReportNotJSON)},
	{name: "row 16: a string", resp: answered(`"ok"`), off: deleteAll, on: completeFailure(trace.ReasonBadReportNotObject)},
	{name: "row 16: a number", resp: answered(`5`), off: deleteAll, on: completeFailure(trace.ReasonBadReportNotObject)},
	{name: "row 16: a boolean", resp: answered(`true`), off: deleteAll, on: completeFailure(trace.ReasonBadReportNotObject)},
	{name: "row 16: an array", resp: answered(`[{"itemIdentifier":"m2"}]`), off: deleteAll, on: completeFailure(trace.ReasonBadReportNotObject)},
	{name: "row 16: the empty string is an empty answer", resp: answered(`""`), off: deleteAll, on: deleteAll},
	{name: "row 16: a string of one blank is not", resp: answered(`" "`), off: deleteAll, on: completeFailure(trace.ReasonBadReportNotObject)},
	{name: "row 17: a receipt handle", resp: answered(`{"batchItemFailures":[{"itemIdentifier":"handle-m2"}]}`), off: deleteAll, on: completeFailure(trace.ReasonBadReportUnknownItem)},
	{name: "row 18: extra names", resp: answered(`{"x":[{"itemIdentifier":"m1"}],"batchItemFailures":[{"why":{"itemIdentifier":"m1"},"itemIdentifier":"m2"}],"BatchItemFailures":5}`), off: deleteAll, on: deleteBut("m2", "m1 m3")},
	{name: "row 19: an exception", resp: faulted("Unhandled", `{"errorMessage":"boom"}`), off: completeFailure(trace.ReasonFunctionError), on: completeFailure(trace.ReasonFunctionError)},
	{name: "row 19: a handled exception", resp: faulted("Handled", `{}`), off: completeFailure(trace.ReasonFunctionError), on: completeFailure(trace.ReasonFunctionError)},
	{name: "row 19: an exception that looks like a report", resp: faulted("Unhandled", `{"batchItemFailures":[]}`), off: completeFailure(trace.ReasonFunctionError), on: completeFailure(trace.ReasonFunctionError)},
	{name: "row 20: a timeout", resp: faulted("Sandbox.Timedout", `{}`), off: completeFailure(trace.ReasonFunctionTimeout), on: completeFailure(trace.ReasonFunctionTimeout)},
	{name: "row 21: init failure, runtime exit", resp: faulted("Runtime.ExitError", `{}`), off: completeFailure(trace.ReasonRuntimeError), on: completeFailure(trace.ReasonRuntimeError)},
	{name: "row 21: bad handler", resp: faulted("Runtime.HandlerNotFound", `{}`), off: completeFailure(trace.ReasonRuntimeError), on: completeFailure(trace.ReasonRuntimeError)},
	{name: "row 21: out of memory", resp: faulted("Runtime.OutOfMemory", `{}`), off: completeFailure(trace.ReasonOutOfMemory), on: completeFailure(trace.ReasonOutOfMemory)},
	{name: "row 21: response too large", resp: faulted("Function.ResponseSizeTooLarge", `{}`), off: completeFailure(trace.ReasonResponseTooLarge), on: completeFailure(trace.ReasonResponseTooLarge)},
	{name: "row 21: an extension", resp: faulted("Extension.Crash", ``), off: completeFailure(trace.ReasonRuntimeError), on: completeFailure(trace.ReasonRuntimeError)},
	{name: "row 22: throttled", err: fmt.Errorf("invoke: %w", esm.ErrThrottled), off: want{verdict: trace.NotRun, reason: trace.ReasonThrottled}, on: want{verdict: trace.NotRun, reason: trace.ReasonThrottled}},
	{name: "row 23: did not run", err: fmt.Errorf("connection refused: %w", esm.ErrNotRun), off: want{verdict: trace.NotRun, reason: trace.ReasonNotRun}, on: want{verdict: trace.NotRun, reason: trace.ReasonNotRun}},
	{name: "row 23: connection lost after the request", err: errors.New("connection reset"), off: completeFailure(trace.ReasonOutcomeUnknown), on: completeFailure(trace.ReasonOutcomeUnknown)},
	{name: "row 23: connection lost, with a perfect answer", resp: answered(`{}`), err: errors.New("unexpected EOF"), off: completeFailure(trace.ReasonOutcomeUnknown), on: completeFailure(trace.ReasonOutcomeUnknown)},
	{name: "row 23: a status that is no success", resp: esm.Response{Status: 502}, off: completeFailure(trace.ReasonOutcomeUnknown), on: completeFailure(trace.ReasonOutcomeUnknown)},
	{name: "row 24: function gone, access denied", err: fmt.Errorf("invoke: %w", esm.ErrRefused), off: want{verdict: trace.Refused, reason: trace.ReasonRefused}, on: want{verdict: trace.Refused, reason: trace.ReasonRefused}},
	{name: "row 24: too large", err: fmt.Errorf("invoke: %w", esm.ErrTooLarge), off: want{verdict: trace.Refused, reason: trace.ReasonEventTooLarge}, on: want{verdict: trace.Refused, reason: trace.ReasonEventTooLarge}},
	{name: "row 25: recursive invocation", err: fmt.Errorf("recursive: %w", esm.ErrRefused), off: want{verdict: trace.Refused, reason: trace.ReasonRefused}, on: want{verdict: trace.Refused, reason: trace.ReasonRefused}},

	{name: "a list twice", resp: answered(`{"batchItemFailures":[{"itemIdentifier":"m2"}],"batchItemFailures":[]}`), off: deleteAll, on: completeFailure(trace.ReasonBadReportList)},
	{name: "an id's name twice", resp: answered(`{"batchItemFailures":[{"itemIdentifier":"m2","itemIdentifier":"m1"}]}`), off: deleteAll, on: completeFailure(trace.ReasonBadReportItem)},
}

func TestOutcomes(t *testing.T) {
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			checkOutcome(t, row.resp, row.err, false, row.off)
			checkOutcome(t, row.resp, row.err, true, row.on)
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

// Answers that delete everything although their author may have meant something else say so.
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

// A standard queue may deliver one message twice into one batch: one report speaks for both.
func TestAMessageTwiceInABatch(t *testing.T) {
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

func TestDetailIsBoundedText(t *testing.T) {
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

func TestVerdictNames(t *testing.T) {
	for v, want := range map[trace.Verdict]string{
		trace.Done: "Done", trace.Partial: "Partial", trace.Failed: "Failed", trace.NotRun: "NotRun",
		trace.Refused: "Refused", 99: "Verdict(99)",
	} {
		if got := v.String(); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}
