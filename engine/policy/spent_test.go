package policy_test

import (
	"testing"

	"github.com/esm-run/esm"
	"github.com/esm-run/esm/engine/policy"
	"github.com/esm-run/esm/trace"
)

func TestSpent(t *testing.T) {
	for name, test := range map[string]struct {
		policy policy.Stream
		n      int
		tries  int
		spent  bool
	}{
		"a try is left":          {policy.Stream{MaxRetries: 2}, 3, 2, false},
		"none is left":           {policy.Stream{MaxRetries: 2}, 3, 3, true},
		"the limit is lower now": {policy.Stream{MaxRetries: 0}, 1, 7, true},
		"never tried":            {policy.Stream{MaxRetries: 0}, 1, 0, false},
		"without a limit":        {policy.Stream{MaxRetries: -1}, 1, 99, false},
		"it cannot be halved":    {policy.Stream{MaxRetries: 0, Bisect: true}, 1, 5, true},
		"a window's final one":   {policy.Stream{MaxRetries: 0}, 0, 5, true},
	} {
		run := policy.Run{ID: "id", Records: records(1, test.n), Tries: test.tries}
		step, spent := test.policy.Spent(run)
		if spent != test.spent {
			t.Errorf("%s: %v", name, spent)
			continue
		}
		if spent && (step.Why != esm.RetryAttemptsExhausted || step.Count != test.tries || len(step.Dropped) != test.n ||
			len(step.Settled) != test.n || len(step.Next) != 0 || step.Response != nil) {
			t.Errorf("%s: %+v", name, step)
		}
	}
}

// A run whose tries are used up is halved when that is allowed by now.
func TestSpentIsHalvedFirst(t *testing.T) {
	run := policy.Run{ID: "id", Records: records(1, 3), Tries: 5}
	step, spent := policy.Stream{MaxRetries: 0, Bisect: true}.Spent(run)
	if !spent || step.Why != "" || len(step.Settled) != 0 || len(step.Next) != 2 || len(step.Next[0].Records) != 1 || len(step.Next[1].Records) != 2 ||
		step.Next[0].Tries != 0 || step.Next[0].ID != "" {
		t.Errorf("%+v, %v", step, spent)
	}
	run.Response = &esm.NoticeResponse{}
	if step, spent := (policy.Stream{MaxRetries: 0, Bisect: true}).Spent(run); !spent || step.Why == "" || len(step.Settled) != 3 {
		t.Errorf("its notice was on its way: %+v, %v", step, spent)
	}
}

func TestCounted(t *testing.T) {
	run := policy.Run{ID: "id", Records: records(1, 2), Tries: 2}
	given := policy.Stream{MaxRetries: 2}.After(run, policy.Outcome{Verdict: trace.Failed}, esm.Response{Status: 200, Fault: "Unhandled"}, began)
	got, counted := policy.Counted(run, given)
	if !counted || got.Tries != 3 || got.Response == nil || got.Response.Fault != "Unhandled" || got.ID != run.ID {
		t.Errorf("%+v, %v", got, counted)
	}
	if step, spent := (policy.Stream{MaxRetries: 2}).Spent(got); !spent || step.Count != 3 || step.Response != got.Response {
		t.Errorf("%+v, %v", step, spent)
	} else if _, counted := policy.Counted(got, step); counted {
		t.Error("it is counted twice")
	}
	aged, _ := policy.Stream{MaxAge: 1}.Expire(run, began.Add(1e12))
	if _, counted := policy.Counted(run, aged); counted {
		t.Error("what grew too old was not tried")
	}
}
