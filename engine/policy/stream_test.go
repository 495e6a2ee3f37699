package policy_test

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/esm-run/esm"
	"github.com/esm-run/esm/engine/policy"
	"github.com/esm-run/esm/trace"
)

// records returns records of a stream with these sequence numbers, which arrived at began.
func records(first, last int) []esm.Record {
	var recs []esm.Record
	for i := first; i <= last; i++ {
		id := fmt.Sprint(i)
		recs = append(recs, esm.Record{ID: id, Receipt: id, Arrived: began, Event: []byte(`{"n":` + id + `}`)})
	}
	return recs
}

// span writes consecutive records: 6-10, or 6.
func span(recs []esm.Record) string {
	switch len(recs) {
	case 0:
		return "nothing"
	case 1:
		return recs[0].ID
	}
	return recs[0].ID + "-" + recs[len(recs)-1].ID
}

// shard processes runs one after another, as the engine does.
type shard struct {
	policy  policy.Stream
	report  bool
	handler func(recs []esm.Record) (esm.Response, error)
	limit   int // of tries with one run, after which the shard counts as blocked; 0 means none

	now     time.Time
	ids     int
	invoked []string // spans
	starts  []time.Duration
	ended   []string // how records ended
	blocked bool
}

func (s *shard) play(recs []esm.Record) {
	runs := []policy.Run{{Records: recs}}
	for len(runs) > 0 && !s.blocked {
		r := runs[0]
		if r.ID == "" {
			s.ids++
			r.ID = fmt.Sprint("run ", s.ids)
		}
		step, expired := s.policy.Expire(r, s.now)
		if !expired {
			s.invoked = append(s.invoked, span(r.Records))
			s.starts = append(s.starts, s.now.Sub(began))
			resp, err := s.handler(r.Records)
			step = s.policy.After(r, policy.ReadStreamOutcome(r.Records, resp, err, s.report), resp, s.now)
		}
		s.apply(step)
		runs = slices.Concat(step.Next, runs[1:])
		s.blocked = s.limit > 0 && len(runs) > 0 && runs[0].Tries+runs[0].Stalls >= s.limit
	}
}

func (s *shard) apply(step policy.Step) {
	if good := step.Settled[:len(step.Settled)-len(step.Dropped)]; len(good) > 0 {
		s.ended = append(s.ended, span(good)+" settled")
	}
	if step.Why != "" {
		s.ended = append(s.ended, fmt.Sprintf("%s dropped: %s after %d", span(step.Dropped), step.Why, step.Count))
	}
	s.now = s.now.Add(step.Wait)
}

// invocations returns what was invoked: "1-10; 6-10 x3".
func (s *shard) invocations() string {
	var parts []string
	for i := 0; i < len(s.invoked); {
		n := 1
		for i+n < len(s.invoked) && s.invoked[i+n] == s.invoked[i] {
			n++
		}
		part := s.invoked[i]
		switch i += n; {
		case s.blocked && i == len(s.invoked):
			part += " forever"
		case n > 1:
			part += fmt.Sprint(" x", n)
		}
		parts = append(parts, part)
	}
	return strings.Join(parts, "; ")
}

// poison returns a handler that fails on these records, with an error or by reporting the first of them.
func poison(report bool, ids ...string) func([]esm.Record) (esm.Response, error) {
	return func(recs []esm.Record) (esm.Response, error) {
		for _, rec := range recs {
			switch {
			case !slices.Contains(ids, rec.ID):
			case report:
				return answered(`{"batchItemFailures":[{"itemIdentifier":"` + rec.ID + `"}]}`), nil
			default:
				return faulted("Unhandled", `{"errorMessage":"boom"}`), nil
			}
		}
		return answered(`{"batchItemFailures":[]}`), nil
	}
}

// Ten records in one batch; the sixth always fails. Then batches as recorded on AWS.
func TestWorkedExamples(t *testing.T) {
	ten := [][]esm.Record{records(1, 10)}
	four := [][]esm.Record{records(1, 4)}
	for _, test := range []struct {
		bisect, report bool
		retries        int
		poison         string
		batches        [][]esm.Record
		invocations    string
		ended          string
	}{
		{false, false, 0, "6", ten, "1-10", "1-10 dropped: RetryAttemptsExhausted after 1"},
		{false, false, 2, "6", ten, "1-10 x3", "1-10 dropped: RetryAttemptsExhausted after 3"},
		{false, false, -1, "6", ten, "1-10 forever", ""},
		{false, true, 0, "6", ten, "1-10; 6-10", "1-5 settled; 6-10 dropped: RetryAttemptsExhausted after 1"},
		{false, true, 2, "6", ten, "1-10; 6-10 x3", "1-5 settled; 6-10 dropped: RetryAttemptsExhausted after 3"},
		{false, true, -1, "6", ten, "1-10; 6-10 forever", "1-5 settled"},
		{true, false, 0, "6", ten, "1-10; 1-5; 6-10; 6-7; 6; 7; 8-10", "1-5 settled; 6 dropped: RetryAttemptsExhausted after 1; 7 settled; 8-10 settled"},
		{true, false, 2, "6", ten, "1-10; 1-5; 6-10; 6-7; 6 x3; 7; 8-10", "1-5 settled; 6 dropped: RetryAttemptsExhausted after 3; 7 settled; 8-10 settled"},
		{true, false, -1, "6", ten, "1-10; 1-5; 6-10; 6-7; 6 forever", "1-5 settled"},
		{true, true, 0, "6", ten, "1-10; 6-10; 6-7; 6; 7; 8-10", "1-5 settled; 6 dropped: RetryAttemptsExhausted after 1; 7 settled; 8-10 settled"},
		{true, true, 2, "6", ten, "1-10; 6-10; 6-7; 6 x3; 7; 8-10", "1-5 settled; 6 dropped: RetryAttemptsExhausted after 3; 7 settled; 8-10 settled"},
		{true, true, -1, "6", ten, "1-10; 6-10; 6-7; 6 forever", "1-5 settled"},

		{false, true, 1, "2", four, "1-4; 2-4 x2", "1 settled; 2-4 dropped: RetryAttemptsExhausted after 2"},
		{true, true, 1, "2", four, "1-4; 2-4; 2 x2; 3-4", "1 settled; 2 dropped: RetryAttemptsExhausted after 2; 3-4 settled"},
		{true, false, 1, "2", four, "1-4; 1-2; 1; 2 x2; 3-4", "1 settled; 2 dropped: RetryAttemptsExhausted after 2; 3-4 settled"},
		{false, false, 2, "2", four, "1-4 x3", "1-4 dropped: RetryAttemptsExhausted after 3"},
		{false, true, 3, "6", [][]esm.Record{records(1, 3), records(4, 6)}, "1-3; 4-6; 6 x4", "1-3 settled; 4-5 settled; 6 dropped: RetryAttemptsExhausted after 4"},
		{false, true, 3, "4", [][]esm.Record{records(1, 3), records(4, 4)}, "1-3; 4 x4", "1-3 settled; 4 dropped: RetryAttemptsExhausted after 4"},
	} {
		t.Run(fmt.Sprintf("bisect %v, report %v, %d retries, %s fails", test.bisect, test.report, test.retries, test.poison), func(t *testing.T) {
			s := shard{
				policy: policy.Stream{MaxRetries: test.retries, Bisect: test.bisect},
				report: test.report, handler: poison(test.report, test.poison), limit: 25, now: began,
			}
			for _, batch := range test.batches {
				s.play(batch)
			}
			if got := s.invocations(); got != test.invocations {
				t.Errorf("invoked %s, want %s", got, test.invocations)
			}
			if got := strings.Join(s.ended, "; "); got != test.ended {
				t.Errorf("ended %q, want %q", got, test.ended)
			}
		})
	}
}

var (
	functionError = policy.Outcome{Verdict: trace.Failed, Reason: trace.ReasonFunctionError}
	badReport     = policy.Outcome{Verdict: trace.Failed, Reason: trace.ReasonBadReportItem}
)

func itemFailures(ids ...string) policy.Outcome {
	return policy.Outcome{Verdict: trace.Partial, Reason: trace.ReasonItemFailures, Failed: ids}
}

// One rule at a time. Next is written as span, tries and stalls, after an equals sign if the ID is kept.
func TestRules(t *testing.T) {
	unhandled := faulted("Unhandled", `{}`)
	for _, test := range []struct {
		name    string
		policy  policy.Stream
		last    int // records are 1 to last
		tries   int
		outcome policy.Outcome
		resp    esm.Response
		settled string
		why     esm.Condition
		count   int
		wait    time.Duration
		next    string
	}{
		{"rule 5: throttled", policy.Stream{}, 3, 0, policy.Outcome{Verdict: trace.NotRun}, esm.Response{}, "nothing", "", 0, 200 * ms, "= 1-3 0 1"},
		{"rule 5: throttled after the last try", policy.Stream{Bisect: true}, 3, 1, policy.Outcome{Verdict: trace.NotRun}, esm.Response{}, "nothing", "", 0, 200 * ms, "= 1-3 1 1"},
		{"rule 5: refused", policy.Stream{}, 3, 0, policy.Outcome{Verdict: trace.Refused}, esm.Response{}, "nothing", "", 0, 200 * ms, "= 1-3 0 1"},
		{"rule 5: unknown", policy.Stream{Bisect: true}, 3, 0, policy.Outcome{Verdict: trace.Failed, Reason: trace.ReasonOutcomeUnknown}, esm.Response{Status: 502}, "nothing", "", 0, 200 * ms, "= 1-3 0 1"},
		{"rules 6 and 7: success", policy.Stream{}, 3, 1, policy.Outcome{Verdict: trace.Done}, esm.Response{}, "1-3", "", 0, 0, ""},
		{"rule 8: progress", policy.Stream{}, 5, 7, itemFailures("3", "5"), esm.Response{}, "1-2", "", 0, 0, "3-5 0 0"},
		{"rule 8: in another order", policy.Stream{Bisect: true}, 5, 0, itemFailures("5", "3"), esm.Response{}, "1-2", "", 0, 0, "3-5 0 0"},
		{"rule 9: the head is reported", policy.Stream{MaxRetries: 1}, 5, 0, itemFailures("1"), esm.Response{}, "nothing", "", 0, 200 * ms, "= 1-5 1 0"},
		{"rule 9: a bad report", policy.Stream{MaxRetries: 1}, 5, 0, badReport, esm.Response{}, "nothing", "", 0, 200 * ms, "= 1-5 1 0"},
		{"rule 9: no record of the run is reported", policy.Stream{MaxRetries: 1}, 5, 0, itemFailures("8"), esm.Response{}, "nothing", "", 0, 200 * ms, "= 1-5 1 0"},
		{"rule 10: halves without retries", policy.Stream{Bisect: true}, 5, 0, functionError, unhandled, "nothing", "", 0, 0, "1-2 0 0; 3-5 0 0"},
		{"rule 10: halves after tries", policy.Stream{Bisect: true, MaxRetries: 9}, 3, 4, functionError, unhandled, "nothing", "", 0, 0, "1 0 0; 2-3 0 0"},
		{"rule 10: the head of a suffix is reported", policy.Stream{Bisect: true}, 3, 0, itemFailures("1"), esm.Response{}, "nothing", "", 0, 0, "1 0 0; 2-3 0 0"},
		{"rule 11: a retry is left", policy.Stream{MaxRetries: 2}, 3, 1, functionError, unhandled, "nothing", "", 0, 400 * ms, "= 1-3 2 0"},
		{"rule 11: retries without end", policy.Stream{MaxRetries: -1}, 3, 99_999, functionError, unhandled, "nothing", "", 0, time.Minute, "= 1-3 100000 0"},
		{"rule 11: one record cannot be halved", policy.Stream{Bisect: true, MaxRetries: 1}, 1, 0, functionError, unhandled, "nothing", "", 0, 200 * ms, "= 1 1 0"},
		{"rule 12: no retry is left", policy.Stream{MaxRetries: 2}, 3, 2, functionError, unhandled, "1-3", esm.RetryAttemptsExhausted, 3, 0, ""},
		{"rule 12: no retries at all", policy.Stream{}, 3, 0, functionError, unhandled, "1-3", esm.RetryAttemptsExhausted, 1, 0, ""},
		{"rule 12: fewer than there were", policy.Stream{MaxRetries: 1}, 3, 5, functionError, unhandled, "1-3", esm.RetryAttemptsExhausted, 6, 0, ""},
		{"no records: a final invocation succeeds", policy.Stream{}, 0, 0, policy.Outcome{Verdict: trace.Done}, esm.Response{}, "nothing", "", 0, 0, ""},
		{"no records: a final invocation fails", policy.Stream{Bisect: true, MaxRetries: 1}, 0, 0, functionError, unhandled, "nothing", "", 0, 200 * ms, "= nothing 1 0"},
		{"no records: a final invocation is given up", policy.Stream{Bisect: true, MaxRetries: 1}, 0, 1, functionError, unhandled, "nothing", esm.RetryAttemptsExhausted, 2, 0, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := policy.Run{ID: "id", Records: records(1, test.last), Tries: test.tries}
			step := test.policy.After(r, test.outcome, test.resp, began)
			if got := span(step.Settled); got != test.settled {
				t.Errorf("settles %s, want %s", got, test.settled)
			}
			if step.Why != test.why || step.Count != test.count || step.Wait != test.wait {
				t.Errorf("got %q after %d, wait %v; want %q after %d, wait %v", step.Why, step.Count, step.Wait, test.why, test.count, test.wait)
			}
			if got := nextOf(step); got != test.next {
				t.Errorf("next %q, want %q", got, test.next)
			}
		})
	}
}

const ms = time.Millisecond

func nextOf(step policy.Step) string {
	var next []string
	for _, r := range step.Next {
		kept := ""
		if r.ID != "" {
			kept = "= "
		}
		next = append(next, fmt.Sprintf("%s%s %d %d", kept, span(r.Records), r.Tries, r.Stalls))
	}
	return strings.Join(next, "; ")
}

func TestNoticeResponse(t *testing.T) {
	for _, test := range []struct {
		name string
		o    policy.Outcome
		resp esm.Response
		want esm.NoticeResponse
	}{
		{"an exception", functionError, esm.Response{Fault: "Unhandled", Status: 200, Version: "7"}, esm.NoticeResponse{Status: 200, Version: "7", Fault: "Unhandled"}},
		{"a timeout", functionError, esm.Response{Fault: "Sandbox.Timedout", Status: 200, Version: "7"}, esm.NoticeResponse{Status: 200, Version: "7", Fault: "Unhandled"}},
		{"a handled error", functionError, esm.Response{Fault: "Handled", Status: 200, Version: "7"}, esm.NoticeResponse{Status: 200, Version: "7", Fault: "Handled"}},
		{"a report", itemFailures("1"), esm.Response{Status: 200, Version: "$LATEST"}, esm.NoticeResponse{Status: 200, Version: "$LATEST"}},
		{"a bad report, no status", badReport, esm.Response{Version: "$LATEST"}, esm.NoticeResponse{Status: 200, Version: "$LATEST"}},
	} {
		step := policy.Stream{}.After(policy.Run{Records: records(1, 2)}, test.o, test.resp, began)
		if step.Response == nil || *step.Response != test.want {
			t.Errorf("%s: got %+v, want %+v", test.name, step.Response, test.want)
		}
	}
}

// Pauses between tries with one run double from 200 ms. After progress there is none.
func TestPauses(t *testing.T) {
	s := shard{policy: policy.Stream{MaxRetries: 4}, report: true, handler: poison(true, "2"), now: began}
	s.play(records(1, 3))
	if want := []time.Duration{0, 0, 200 * ms, 600 * ms, 1400 * ms, 3000 * ms}; !slices.Equal(s.starts, want) {
		t.Errorf("started after %v, want %v", s.starts, want)
	}
}

// Tries that do not run have growing pauses and use up no retry. A try that runs resets the pauses.
func TestStalls(t *testing.T) {
	answers := []error{esm.ErrThrottled, esm.ErrNotRun, esm.ErrRefused, errors.New("connection reset"), nil, esm.ErrThrottled, nil}
	s := shard{policy: policy.Stream{MaxRetries: 1}, now: began}
	s.handler = func([]esm.Record) (esm.Response, error) {
		err := answers[0]
		answers = answers[1:]
		return faulted("Unhandled", `{}`), err
	}
	s.play(records(1, 3))
	if want := []time.Duration{0, 200 * ms, 600 * ms, 1400 * ms, 3000 * ms, 3200 * ms, 3400 * ms}; !slices.Equal(s.starts, want) {
		t.Errorf("started after %v, want %v", s.starts, want)
	}
	if want := []string{"1-3 dropped: RetryAttemptsExhausted after 2"}; !slices.Equal(s.ended, want) {
		t.Errorf("ended %q, want %q", s.ended, want)
	}
}

func TestOversized(t *testing.T) {
	for _, test := range []struct {
		name          string
		retries, last int
		tries         int
		dropped       string
		count         int
		next          string
	}{
		{"no retries", 0, 1, 0, "1", 1, ""},
		{"a retry is left", 2, 1, 0, "nothing", 0, "= 1 1 0"},
		{"none is left", 2, 1, 2, "1", 3, ""},
		{"retries without end", -1, 1, 50, "nothing", 0, "= 1 51 0"},
		{"more than one record", 0, 3, 0, "nothing", 0, "1 0 0; 2-3 0 0"},
	} {
		r := policy.Run{ID: "id", Records: records(1, test.last), Tries: test.tries}
		step := policy.Stream{MaxRetries: test.retries}.Oversized(r, began)
		if span(step.Dropped) != test.dropped || span(step.Settled) != test.dropped || step.Count != test.count || step.Response != nil {
			t.Errorf("%s: got %+v", test.name, step)
		}
		if got := nextOf(step); got != test.next {
			t.Errorf("%s: next %q, want %q", test.name, got, test.next)
		}
		// Refused by the invoker as too large.
		o := policy.ReadStreamOutcome(r.Records, esm.Response{}, fmt.Errorf("invoke: %w", esm.ErrTooLarge), true)
		if after := (policy.Stream{MaxRetries: test.retries}).After(r, o, esm.Response{}, began); !reflect.DeepEqual(after, step) {
			t.Errorf("%s: refused, got %+v, want %+v", test.name, after, step)
		}
	}
}
