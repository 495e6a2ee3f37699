package policy_test

import (
	"testing"

	"github.com/esm-run/esm"
	"github.com/esm-run/esm/engine/policy"
	"github.com/esm-run/esm/trace"
)

func TestSpent(t *testing.T) {
	for name, test := range map[string]struct {
		policy  policy.Stream
		n       int
		tries   int
		noticed bool // a notice may have been sent
		spent   bool
		next    string // "" if the run is given up
	}{
		"a try is left":               {policy.Stream{MaxRetries: 2}, 3, 2, false, false, ""},
		"none is left":                {policy.Stream{MaxRetries: 2}, 3, 3, false, true, ""},
		"the limit is lower now":      {policy.Stream{MaxRetries: 0}, 1, 7, false, true, ""},
		"never tried":                 {policy.Stream{MaxRetries: 0}, 1, 0, false, false, ""},
		"without a limit":             {policy.Stream{MaxRetries: -1}, 1, 99, false, false, ""},
		"a single record":             {policy.Stream{MaxRetries: 0, Bisect: true}, 1, 5, false, true, ""},
		"it may be halved now":        {policy.Stream{MaxRetries: 0, Bisect: true}, 3, 5, false, true, "1 0 0; 2-3 0 0"},
		"its notice may be delivered": {policy.Stream{MaxRetries: 0, Bisect: true}, 3, 5, true, true, ""},
		"a final invocation":          {policy.Stream{MaxRetries: 0}, 0, 5, false, true, ""},
	} {
		run := policy.Run{ID: "id", Records: records(1, test.n), Tries: test.tries}
		if test.noticed {
			run.Response = &esm.NoticeResponse{}
		}
		step, spent := test.policy.Spent(run)
		if spent != test.spent || nextOf(step) != test.next {
			t.Errorf("%s: %v, %+v", name, spent, step)
		}
		if spent {
			checkStep(t, run, step)
		}
		if spent && test.next == "" && (step.Why != esm.RetryAttemptsExhausted || step.Count != test.tries || step.Response != run.Response) {
			t.Errorf("%s: %+v", name, step)
		}
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
		t.Error("the last try is counted twice")
	}
	aged, _ := policy.Stream{MaxAge: 1}.Expire(run, began.Add(1e12))
	if _, counted := policy.Counted(run, aged); counted {
		t.Error("records that expired count as tried")
	}
}
