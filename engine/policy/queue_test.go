package policy_test

import (
	"fmt"
	"reflect"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/esm-run/esm"
	"github.com/esm-run/esm/engine/policy"
	"github.com/esm-run/esm/trace"
)

func TestNoTimeForAnotherTry(t *testing.T) {
	throttled := policy.Outcome{Verdict: trace.NotRun, Reason: trace.ReasonThrottled}
	for _, test := range []struct {
		name  string
		until time.Duration // from now; 0 means never
		retry bool
	}{
		{"records that never return", 0, true},
		{"long before they return", time.Minute, true},
		{"a moment before the margin", time.Second + 1, true},
		{"at the margin", time.Second, false},
		{"already returned", -time.Second, false},
	} {
		recs := batch("m1")
		recs[0].Until = began.Add(test.until)
		if test.until == 0 {
			recs[0].Until = time.Time{}
		}
		d := policy.Queue{}.After(recs, throttled, 1, began)
		if d.Retry != test.retry || (len(d.Left) == 1) == test.retry {
			t.Errorf("%s: retry %v, left %v; want retry %v", test.name, d.Retry, idsOf(d.Left), test.retry)
		}
	}
}

func TestDeadline(t *testing.T) {
	recs := batch("m1", "m2", "m3")
	recs[0].Until = time.Time{}
	recs[2].Until = began.Add(20 * time.Second)
	for _, test := range []struct {
		name   string
		margin time.Duration
		recs   []esm.Record
		want   time.Time
	}{
		{"the first of them", 0, recs, began.Add(19 * time.Second)},
		{"another margin", 5 * time.Second, recs, began.Add(15 * time.Second)},
		{"never", 0, recs[:1], time.Time{}},
		{"no records", 0, nil, time.Time{}},
	} {
		if got := (policy.Queue{Margin: test.margin}).Deadline(test.recs); !got.Equal(test.want) {
			t.Errorf("%s: got %v, want %v", test.name, got, test.want)
		}
	}
}

// Whatever the outcome, the batch is tried again in time, or each record is in one of Delete and Left, in order.
func TestAfterLosesNothing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		recs := batch(rapid.SliceOfN(rapid.SampledFrom([]string{"a", "b", "c", "d", "e", "f"}), 0, 12).Draw(t, "ids")...)
		for i := range recs {
			recs[i].Receipt = fmt.Sprint(i)
			recs[i].Until = began.Add(time.Duration(rapid.IntRange(-3, 60).Draw(t, "until")) * time.Second)
		}
		q := policy.Queue{Margin: time.Duration(rapid.IntRange(0, 5000).Draw(t, "margin")) * time.Millisecond}
		o := policy.Outcome{
			Verdict: trace.Verdict(rapid.IntRange(-1, 6).Draw(t, "verdict")),
			Failed:  rapid.SliceOf(rapid.SampledFrom([]string{"a", "b", "z"})).Draw(t, "failed"),
		}
		d := q.After(recs, o, rapid.IntRange(0, 100).Draw(t, "stalls"), began)
		if d.Retry {
			if deadline := q.Deadline(recs); d.Wait < 0 || !deadline.IsZero() && began.Add(d.Wait).After(deadline) {
				t.Errorf("waits %v, until after %v", d.Wait, deadline.Sub(began))
			}
			if o.Verdict != trace.NotRun || len(d.Delete)+len(d.Left) > 0 {
				t.Errorf("%v is tried again, deletes %d and leaves %d", o.Verdict, len(d.Delete), len(d.Left))
			}
			return
		}
		if deletes := o.Verdict == trace.Done || o.Verdict == trace.Partial; !deletes && len(d.Delete) > 0 {
			t.Errorf("%v deletes %v", o.Verdict, idsOf(d.Delete))
		}
		checkSplit(t, recs, d.Delete, d.Left)
	})
}

func TestUnblocked(t *testing.T) {
	grouped := func(ids ...string) []esm.Record { // "A1" is in group A, "1" in none
		recs := batch(ids...)
		for i, rec := range recs {
			recs[i].Group = rec.ID[:len(rec.ID)-1]
		}
		return recs
	}
	for _, test := range []struct {
		name                       string
		carry, left, pass, blocked []string
	}{
		{"nothing left", []string{"A2", "B1"}, nil, []string{"A2", "B1"}, nil},
		{"nothing to carry", nil, []string{"A1"}, nil, nil},
		{"one group", []string{"A2", "B1", "A3"}, []string{"A1"}, []string{"B1"}, []string{"A2", "A3"}},
		{"all groups", []string{"A2", "B2"}, []string{"B1", "A1"}, nil, []string{"A2", "B2"}},
		{"other groups", []string{"A2", "B2"}, []string{"C1"}, []string{"A2", "B2"}, nil},
		{"no groups", []string{"2", "3"}, []string{"1"}, []string{"2", "3"}, nil},
		{"with and without", []string{"2", "A2", "3"}, []string{"1", "A1"}, []string{"2", "3"}, []string{"A2"}},
	} {
		pass, blocked := policy.Unblocked(grouped(test.carry...), grouped(test.left...))
		if got := idsOf(pass); !slices.Equal(got, test.pass) {
			t.Errorf("%s: pass %v, want %v", test.name, got, test.pass)
		}
		if got := idsOf(blocked); !slices.Equal(got, test.blocked) {
			t.Errorf("%s: blocked %v, want %v", test.name, got, test.blocked)
		}
	}
}

func TestCurrent(t *testing.T) {
	recs := batch("m1", "m2", "m3", "m4", "m5")
	recs[1].Until, recs[1].Group = began.Add(time.Second), "A"
	recs[2].Until = time.Time{} // never returns
	recs[3].Group = "A"
	recs[4].Group = "B"
	for _, test := range []struct {
		name  string
		after time.Duration
		want  string
	}{
		{"none has returned", time.Second - 1, "[m1 m2 m3 m4 m5] []"},
		{"one has returned, with its group", time.Second, "[m1 m3 m5] [m2 m4]"},
		{"all that ever return", time.Minute, "[m3] [m1 m2 m4 m5]"},
	} {
		current, returned := policy.Current(recs, began.Add(test.after))
		if got := fmt.Sprint(idsOf(current), idsOf(returned)); got != test.want {
			t.Errorf("%s: got %s, want %s", test.name, got, test.want)
		}
	}
}

func TestCurrentLosesNothing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		recs := drawRecords(t, 0, began)
		current, returned := policy.Current(recs, began.Add(5*time.Second))
		checkSplit(t, recs, current, returned)
	})
}

func TestLate(t *testing.T) {
	recs := batch("m1", "m2")
	recs[0].Until, recs[1].Until = time.Time{}, began.Add(time.Second) // m1 never returns
	for _, test := range []struct {
		name    string
		outcome policy.Outcome
		after   time.Duration
		warned  bool
	}{
		{"in time", policy.Outcome{Verdict: trace.Done}, time.Second - 1, false},
		{"too late", policy.Outcome{Verdict: trace.Done}, time.Second, true},
		{"too late with a report", policy.Outcome{Verdict: trace.Partial, Failed: []string{"m1"}}, time.Minute, true},
		{"too late and failed", policy.Outcome{Verdict: trace.Failed}, time.Minute, false},
		{"with another detail", policy.Outcome{Verdict: trace.Done, Detail: "odd"}, time.Minute, false},
	} {
		got := policy.Late(test.outcome, recs, began.Add(test.after))
		if warned := got.Detail != test.outcome.Detail; warned != test.warned {
			t.Errorf("%s: the detail is %q", test.name, got.Detail)
		}
		if got.Detail = test.outcome.Detail; !reflect.DeepEqual(got, test.outcome) {
			t.Errorf("%s: more than the detail changed: %+v, want %+v", test.name, got, test.outcome)
		}
	}
}

// checkSplit checks that each of recs, identified by its Receipt, is in exactly one of the parts, in order.
func checkSplit(t *rapid.T, recs []esm.Record, parts ...[]esm.Record) {
	t.Helper()
	for _, rec := range recs {
		found := 0
		for i, part := range parts {
			if len(part) > 0 && part[0].Receipt == rec.Receipt {
				parts[i] = part[1:]
				found++
			}
		}
		if found != 1 {
			t.Errorf("record %s is next in %d of the parts", rec.Receipt, found)
		}
	}
	for _, part := range parts {
		if len(part) > 0 {
			t.Errorf("%d records too many", len(part))
		}
	}
}
