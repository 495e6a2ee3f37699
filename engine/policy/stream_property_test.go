package policy_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/esm-run/esm"
	"github.com/esm-run/esm/engine/policy"
	"github.com/esm-run/esm/trace"
)

func drawStream(t *rapid.T) policy.Stream {
	return policy.Stream{
		MaxRetries: rapid.IntRange(-1, 3).Draw(t, "retries"),
		MaxAge:     time.Duration(rapid.SampledFrom([]int{-1, 0, 60, 90}).Draw(t, "age")) * time.Second,
		Retention:  time.Duration(rapid.SampledFrom([]int{0, 80, 3600}).Draw(t, "retention")) * time.Second,
		Bisect:     rapid.Bool().Draw(t, "bisect"),
	}
}

func drawOutcome(t *rapid.T, recs []esm.Record) policy.Outcome {
	o := policy.Outcome{Verdict: trace.Verdict(rapid.IntRange(-1, 6).Draw(t, "verdict"))}
	if rapid.IntRange(0, 9).Draw(t, "unknown") == 0 {
		o.Reason = trace.ReasonOutcomeUnknown
	}
	if o.Verdict == trace.Partial {
		o.Failed = rapid.SliceOfN(rapid.SampledFrom(append(idsOf(recs), "elsewhere")), 0, 3).Draw(t, "failed")
	}
	return o
}

// checkStep checks what holds for every Step: each record is in exactly one of Settled and Next, in order, and dropped
// records are settled.
func checkStep(t interface{ Errorf(string, ...any) }, r policy.Run, step policy.Step) {
	all := slices.Clone(step.Settled)
	for _, next := range step.Next {
		all = append(all, next.Records...)
	}
	if !slices.Equal(idsOf(all), idsOf(r.Records)) {
		t.Errorf("of %v, %v are settled or go on", idsOf(r.Records), idsOf(all))
	}
	if n := len(step.Dropped); n > 0 && !slices.Equal(idsOf(step.Dropped), idsOf(step.Settled[:n])) {
		t.Errorf("drops %v, settles %v", idsOf(step.Dropped), idsOf(step.Settled))
	}
	if (step.Why != "") != (step.Count > 0) || step.Why == "" && (len(step.Dropped) > 0 || step.Response != nil) {
		t.Errorf("gives up %d records because of %q after %d tries", len(step.Dropped), step.Why, step.Count)
	}
	if step.Wait < 0 {
		t.Errorf("waits %v", step.Wait)
	}
	for _, next := range step.Next {
		same := slices.Equal(idsOf(next.Records), idsOf(r.Records))
		if next.ID != "" && (next.ID != r.ID || !same) {
			t.Errorf("run %s of %v goes on as %s with %v", r.ID, idsOf(r.Records), next.ID, idsOf(next.Records))
		}
		if !same && next.Tries > 0 {
			t.Errorf("a new run has %d tries", next.Tries)
		}
	}
}

func TestStepsLoseNothing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := drawStream(t)
		r := policy.Run{ID: "id", Records: records(1, rapid.IntRange(0, 12).Draw(t, "records"))}
		for i := range r.Records {
			r.Records[i].Arrived = began.Add(-time.Duration(rapid.IntRange(-5, 100).Draw(t, "age")) * time.Second)
		}
		r.Tries, r.Stalls = rapid.IntRange(0, 5).Draw(t, "tries"), rapid.IntRange(0, 5).Draw(t, "stalls")
		if step, expired := s.Expire(r, began); expired {
			checkStep(t, r, step)
			if len(step.Settled) != len(step.Dropped) || len(step.Dropped) == 0 {
				t.Errorf("expiry settles %v and drops %v", idsOf(step.Settled), idsOf(step.Dropped))
			}
			for _, next := range step.Next {
				if _, again := s.Expire(next, began); again {
					t.Error("what is left expires at once")
				}
			}
		}
		checkStep(t, r, s.Oversized(r, began))
		step := s.After(r, drawOutcome(t, r.Records), esm.Response{}, began)
		checkStep(t, r, step)
		if step.Wait > 0 {
			if _, slept := s.Expire(r, began.Add(step.Wait-1)); slept && len(r.Records) > 0 {
				t.Errorf("waits %v, past the moment when the head is too old", step.Wait)
			}
		}
	})
}

// Whatever the handler and the clock do until a batch is settled: each record is settled once and in order, an ID is used
// again only with the same records, there are not too many runs or tries of one, and no pause is longer than the maximum.
func TestRandomRuns(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := drawStream(t)
		recs := records(1, rapid.IntRange(1, 12).Draw(t, "records"))
		elapse := rapid.IntRange(0, 3) // seconds
		if rapid.Bool().Draw(t, "the clock steps") {
			elapse = rapid.IntRange(-7200, 7200)
			for i := range recs {
				recs[i].Arrived = began.Add(time.Duration(elapse.Draw(t, "arrives")) * time.Second)
			}
		}
		runs := []policy.Run{{Records: recs}}
		now, ids := began, 0
		seen := map[string]string{} // the records of each ID
		tries := map[string]int{}
		var settled []string
		for steps := 0; len(runs) > 0; steps++ {
			r := runs[0]
			if r.ID == "" {
				ids++
				r.ID = fmt.Sprint("run ", ids)
			}
			step, expired := s.Expire(r, now)
			if !expired {
				if was, used := seen[r.ID]; used && was != fmt.Sprint(idsOf(r.Records)) {
					t.Fatalf("%s is used for %s and for %v", r.ID, was, idsOf(r.Records))
				}
				seen[r.ID] = fmt.Sprint(idsOf(r.Records))
				o := policy.Outcome{Verdict: trace.Done}
				if steps < 300 { // then the handler recovers
					o = drawOutcome(t, r.Records)
				}
				if o.Verdict != trace.NotRun && o.Verdict != trace.Refused && o.Reason != trace.ReasonOutcomeUnknown {
					tries[r.ID]++
				}
				now = now.Add(time.Duration(elapse.Draw(t, "took")) * time.Second)
				step = s.After(r, o, esm.Response{}, now)
			}
			checkStep(t, r, step)
			if step.Wait > time.Minute {
				t.Fatalf("waits %s", step.Wait)
			}
			settled = append(settled, idsOf(step.Settled)...)
			now = now.Add(step.Wait)
			runs = slices.Concat(step.Next, runs[1:])
		}
		if !slices.Equal(settled, idsOf(recs)) {
			t.Errorf("settled %v of %v", settled, idsOf(recs))
		}
		if most := 4 * len(recs); ids > most { // halves, and what is left after progress and after expiry
			t.Errorf("%d runs for %d records, want at most %d", ids, len(recs), most)
		}
		for id, n := range tries {
			if s.MaxRetries >= 0 && n > s.MaxRetries+1 {
				t.Errorf("%s, of %s, has %d tries with %d retries", id, seen[id], n, s.MaxRetries)
			}
		}
	})
}
