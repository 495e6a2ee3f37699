package policy_test

import (
	"slices"
	"testing"
	"time"

	"github.com/esm-run/esm"
	"github.com/esm-run/esm/engine/policy"
	"github.com/esm-run/esm/trace"
	"pgregory.net/rapid"
)

// A clock that steps back makes no record older, and one that steps forward none older than it says.
func TestClocksThatStep(t *testing.T) {
	s := policy.Stream{MaxRetries: -1, MaxAge: time.Minute}
	r := policy.Run{ID: "id", Records: records(1, 3)}
	for _, test := range []struct {
		name    string
		steps   time.Duration
		expired bool
		wait    time.Duration // after a try that failed
	}{
		{"not at all", 0, false, 200 * time.Millisecond},
		{"an hour back: the records come from the future", -time.Hour, false, 200 * time.Millisecond},
		{"forward to just before the end", time.Minute - time.Millisecond, false, time.Millisecond},
		{"forward to the end", time.Minute, true, 0},
		{"a year forward", 365 * 24 * time.Hour, true, 0},
	} {
		now := began.Add(test.steps)
		if _, expired := s.Expire(r, now); expired != test.expired {
			t.Errorf("%s: expired %v", test.name, expired)
		}
		if step := s.After(r, functionError, esm.Response{}, now); step.Wait != test.wait || len(step.Dropped) > 0 {
			t.Errorf("%s: waits %s and drops %s, want %s", test.name, step.Wait, span(step.Dropped), test.wait)
		}
	}
}

// Whole lives of a batch while the clock steps back and forth by hours, and records come from the past and the future: each
// record is settled once and in order, tries are bounded, and no pause is longer than the longest.
func TestLivesUnderAClockThatSteps(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := drawStream(t)
		recs := records(1, rapid.IntRange(1, 8).Draw(t, "records"))
		for i := range recs {
			recs[i].Arrived = began.Add(time.Duration(rapid.IntRange(-7200, 7200).Draw(t, "arrives")) * time.Second)
		}
		runs, now := []policy.Run{{Records: recs}}, began
		var settled []string
		for steps := 0; len(runs) > 0; steps++ {
			r := runs[0]
			step, expired := s.Expire(r, now)
			if !expired {
				o := policy.Outcome{Verdict: trace.Done}
				if steps < 200 { // a handler heals in the end
					o = drawOutcome(t, r.Records)
				}
				now = now.Add(time.Duration(rapid.IntRange(-7200, 7200).Draw(t, "step")) * time.Second) // during the try
				step = s.After(r, o, esm.Response{}, now)
			}
			checkStep(t, r, step)
			if step.Wait > time.Minute {
				t.Fatalf("waits %s", step.Wait)
			}
			if s.MaxRetries >= 0 && len(step.Next) > 0 && step.Next[0].Tries > s.MaxRetries {
				t.Fatalf("goes on after %d tries with %d retries", step.Next[0].Tries, s.MaxRetries)
			}
			settled = append(settled, idsOf(step.Settled)...)
			runs = slices.Concat(step.Next, runs[1:])
		}
		if !slices.Equal(settled, idsOf(recs)) {
			t.Errorf("settled %v of %v", settled, idsOf(recs))
		}
	})
}
