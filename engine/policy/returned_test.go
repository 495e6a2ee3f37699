package policy_test

import (
	"fmt"
	"reflect"
	"testing"
	"time"

	"github.com/esm-run/esm/engine/policy"
	"github.com/esm-run/esm/trace"
	"pgregory.net/rapid"
)

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
		{"one has, and its group goes along", time.Second, "[m1 m3 m5] [m2 m4]"},
		{"all have that ever do", time.Minute, "[m3] [m1 m2 m4 m5]"},
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
		{"what is known already stays", policy.Outcome{Verdict: trace.Done, Detail: "odd"}, time.Minute, false},
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
