package policy_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/esm-run/esm"
	"github.com/esm-run/esm/engine/policy"
)

// steps lets seconds pass, each with the load for its target, and returns the targets.
func steps(p policy.Pollers, s *policy.Scale, now *time.Time, seconds int, load func(target int) policy.Load) []int {
	var targets []int
	for range seconds {
		*now = now.Add(time.Second)
		*s = p.Next(*s, load(s.Target), *now)
		targets = append(targets, s.Target)
	}
	return targets
}

// The load of one second.
func backlog(target int) policy.Load {
	return policy.Load{Pollers: target, Receives: target, Full: target, Successes: target}
}
func notFull(target int) policy.Load {
	return policy.Load{Pollers: target, Receives: target, Full: target - 1, Successes: target}
}
func oneEmpty(target int) policy.Load {
	return policy.Load{Pollers: target, Receives: target, Full: target - 1, Empty: 1, Successes: target}
}
func allEmpty(target int) policy.Load {
	return policy.Load{Pollers: target, Receives: target, Empty: target}
}
func resting(int) policy.Load { return policy.Load{Pollers: 1} } // one long-polls
func trickle(int) policy.Load {
	return policy.Load{Pollers: 1, Receives: 1, Full: 1, Successes: 1}
}
func busy(target int) policy.Load { return policy.Load{Pollers: target} } // long invocations
func noPermits(int) policy.Load {
	return policy.Load{Pollers: 3, Waiting: 1000, Receives: 3, Full: 3, Successes: 3}
}
func functionErrors(target int) policy.Load {
	return policy.Load{Pollers: target, Receives: target, Full: target, Errors: 1, Successes: target}
}
func throttles(target int) policy.Load {
	return policy.Load{Pollers: target, Receives: target, Full: target, Throttles: 1, Successes: target}
}

func TestPollersStep(t *testing.T) {
	standard, reporting := policy.StandardPollers(0, false), policy.StandardPollers(0, true)
	for _, test := range []struct {
		name    string
		pollers policy.Pollers
		from    int
		load    func(int) policy.Load
		want    []int
	}{
		{"a backlog", standard, 5, backlog, []int{10, 15, 20, 25}},
		{"a backlog up to the maximum", standard, 1242, backlog, []int{1247, 1250, 1250}},
		{"a backlog up to the cap", policy.StandardPollers(12, false), 5, backlog, []int{10, 12, 12}},
		{"a cap below the start", policy.StandardPollers(2, false), 2, backlog, []int{2, 2}},
		{"a receive that was not full", standard, 5, notFull, []int{5, 5}},
		{"a receive that was empty", standard, 5, oneEmpty, []int{5, 5}},
		{"FIFO: a receive that was not full", policy.FIFOPollers(0, false), 5, notFull, []int{10, 15}},
		{"FIFO: a receive that was empty", policy.FIFOPollers(0, false), 5, oneEmpty, []int{5, 5}},
		{"full receives while other loops rest", standard, 50, trickle, []int{50, 50}},
		{"full receives while other loops have no permit", standard, 50, noPermits, []int{50, 50}},
		{"nothing came back", standard, 50, busy, []int{50, 50}},
		{"messages appear after idleness", standard, 2, notFull, []int{5, 5}},
		{"function errors", standard, 20, functionErrors, []int{10, 5, 2, 1, 1}},
		{"function errors, failures reported", reporting, 20, functionErrors, []int{25, 30}},
		{"throttles", standard, 20, throttles, []int{10, 5, 2, 1, 1}},
		{"throttles, failures reported", reporting, 20, throttles, []int{10, 5, 2, 1, 1}},
		{"throttles under a cap", policy.StandardPollers(10, true), 10, throttles, []int{5, 2, 1, 1}},
		{"another rate after errors", policy.Pollers{Shrink: 0.8}, 10, throttles, []int{8, 6, 4}},
		{"provisioned: 1,000 a minute", policy.ProvisionedPollers(2, 200, false), 20, backlog, []int{36, 53, 70}},
		{"provisioned: up to the maximum", policy.ProvisionedPollers(2, 4, false), 20, backlog, []int{36, 40, 40}},
		{"provisioned: not below the minimum", policy.ProvisionedPollers(3, 10, false), 100, throttles, []int{50, 30, 30}},
		{"a target above the maximum", policy.StandardPollers(10, false), 50, notFull, []int{10}},
		{"a zero scale", standard, 0, notFull, []int{5}},
	} {
		t.Run(test.name, func(t *testing.T) {
			s, now := policy.Scale{Target: test.from}, began
			if got := steps(test.pollers, &s, &now, len(test.want), test.load); !slices.Equal(got, test.want) {
				t.Errorf("got %v, want %v", got, test.want)
			}
		})
	}
}

func TestPollersFirst(t *testing.T) {
	for _, test := range []struct {
		name    string
		pollers policy.Pollers
		want    int
	}{
		{"standard", policy.StandardPollers(0, false), 5},
		{"capped", policy.StandardPollers(100, false), 5},
		{"capped at less than 5", policy.StandardPollers(3, false), 3},
		{"FIFO", policy.FIFOPollers(0, true), 5},
		{"FIFO, capped", policy.FIFOPollers(2, true), 2},
		{"provisioned", policy.ProvisionedPollers(4, 8, false), 40},
		{"provisioned, AWS's default", policy.ProvisionedPollers(0, 0, false), 20},
		{"zero", policy.Pollers{}, 5},
		{"zero except Max", policy.Pollers{Max: 1}, 1},
	} {
		if got := test.pollers.First().Target; got != test.want {
			t.Errorf("%s: got %d, want %d", test.name, got, test.want)
		}
	}
}

// The pollers of an idle queue are reduced to the initial number after a minute, and to two after five. With a cap they stay.
func TestPollersOfAnIdleQueue(t *testing.T) {
	for _, quiet := range []struct {
		name string
		load func(int) policy.Load
	}{{"empty receives", allEmpty}, {"rest", resting}, {"a trickle", trickle}} {
		for _, test := range []struct {
			name                   string
			pollers                policy.Pollers
			start, minute, fiveMin int
		}{
			{"standard", policy.StandardPollers(0, false), 80, 5, 2},
			{"FIFO", policy.FIFOPollers(0, false), 80, 5, 2},
			{"capped", policy.StandardPollers(100, false), 80, 5, 5},
			{"capped at less than 5", policy.StandardPollers(4, false), 4, 4, 4},
			{"provisioned", policy.ProvisionedPollers(3, 10, false), 80, 30, 30},
		} {
			t.Run(quiet.name+", "+test.name, func(t *testing.T) {
				s, now := policy.Scale{Target: test.start}, began
				targets := steps(test.pollers, &s, &now, 302, quiet.load)
				if got := []int{targets[59], targets[60], targets[299], targets[300]}; !slices.Equal(got, []int{test.start, test.minute, test.minute, test.fiveMin}) {
					t.Errorf("after 60, 61, 300 and 301 s: %v, want %d, then %d, then %d", got, test.start, test.minute, test.fiveMin)
				}
			})
		}
	}
}

func TestBusyPollersAreNotIdle(t *testing.T) {
	for name, load := range map[string]func(int) policy.Load{
		"long invocations": busy, "waiting for permits": noPermits, "not full": notFull,
	} {
		p := policy.StandardPollers(0, false)
		s, now := policy.Scale{Target: 80}, began
		steps(p, &s, &now, 600, load)
		if s.Target != 80 {
			t.Errorf("%s: %d after 10 min, want 80", name, s.Target)
		}
	}
}

// Growth, a broken function, recovery, growth again, and the end of the backlog.
func TestPollersRecover(t *testing.T) {
	p, now := policy.StandardPollers(0, false), began
	s := p.First()
	for _, part := range []struct {
		name    string
		seconds int
		load    func(int) policy.Load
		want    int
	}{
		{"growth", 3, backlog, 20},
		{"errors", 2, functionErrors, 5},
		{"seconds without an answer", 3, busy, 5},
		{"successes", 14, backlog, 19},
		{"an error on the way", 1, functionErrors, 9},
		{"successes up to where it was", 11, backlog, 20},
		{"growth again", 2, backlog, 30},
		{"errors to the end", 9, functionErrors, 1},
		{"silence", 61, allEmpty, 1},
		{"successes, up to where a quiet mapping stands", 4, notFull, 5},
		{"and no further", 3, notFull, 5},
	} {
		steps(p, &s, &now, part.seconds, part.load)
		if s.Target != part.want {
			t.Fatalf("after %s: got %d, want %d (%+v)", part.name, s.Target, part.want, s)
		}
	}
}

func TestCount(t *testing.T) {
	for _, test := range []struct {
		name string
		resp esm.Response
		err  error
		want policy.Load
	}{
		{"success", answered(`{}`), nil, policy.Load{Successes: 1}},
		{"failed items", answered(`{"batchItemFailures":[{"itemIdentifier":"m1"}]}`), nil, policy.Load{Successes: 1}},
		{"an invalid report", answered(`OK`), nil, policy.Load{Errors: 1}},
		{"a function error", faulted("Unhandled", `{}`), nil, policy.Load{Errors: 1}},
		{"a throttle", esm.Response{}, esm.ErrThrottled, policy.Load{Throttles: 1}},
		{"not run", esm.Response{}, esm.ErrNotRun, policy.Load{Throttles: 1}},
		{"refused", esm.Response{}, esm.ErrRefused, policy.Load{Throttles: 1}},
		{"unknown", esm.Response{}, errors.New("reset"), policy.Load{Throttles: 1}},
	} {
		var got policy.Load
		got.Count(policy.ReadOutcome(batch("m1"), test.resp, test.err, true))
		if got != test.want {
			t.Errorf("%s: got %+v, want %+v", test.name, got, test.want)
		}
	}
}

// Whatever happens, the target keeps its bounds, grows no faster than allowed, and does not grow during throttles.
func TestPollersKeepTheirBounds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p, low, high := drawPollers(t)
		s, now := p.First(), began
		perStep := max((p.PerMinute+59)/60, p.Start)
		for i := range rapid.IntRange(1, 200).Draw(t, "steps") {
			l := drawLoad(t, s.Target)
			next := p.Next(s, l, now)
			switch {
			case next.Target < low || next.Target > high:
				t.Fatalf("step %d: target %d is not within %d and %d", i, next.Target, low, high)
			case next.Target > s.Target+perStep:
				t.Fatalf("step %d: from %d to %d", i, s.Target, next.Target)
			case next.Target > s.Target && l.Throttles > 0:
				t.Fatalf("step %d: from %d to %d with throttles", i, s.Target, next.Target)
			case next.Back != 0 && (next.Back <= next.Target || next.Back > high):
				t.Fatalf("step %d: back to %d from %d", i, next.Back, next.Target)
			case next.Credit < 0 || next.Credit >= 60:
				t.Fatalf("step %d: credit %d", i, next.Credit)
			}
			s, now = next, now.Add(time.Duration(rapid.IntRange(0, 100).Draw(t, "seconds"))*time.Second)
		}
	})
}

func drawPollers(t *rapid.T) (p policy.Pollers, low, high int) {
	limit, report := rapid.SampledFrom([]int{0, 2, 5, 40, 1000}).Draw(t, "limit"), rapid.Bool().Draw(t, "report")
	switch kind := rapid.SampledFrom([]string{"standard", "FIFO", "provisioned"}).Draw(t, "kind"); kind {
	case "standard":
		p, low = policy.StandardPollers(limit, report), 1
	case "FIFO":
		p, low = policy.FIFOPollers(limit, report), 1
	case "provisioned":
		least := rapid.IntRange(2, 200).Draw(t, "least")
		most := rapid.IntRange(least, 2000).Draw(t, "most")
		return policy.ProvisionedPollers(least, most, report), 10 * least, 10 * most
	default:
		panic(fmt.Sprint("no such kind: ", kind))
	}
	if high = limit; limit == 0 {
		high = 1250
	}
	return p, low, high
}

func drawLoad(t *rapid.T, target int) policy.Load {
	l := policy.Load{
		Pollers:   rapid.IntRange(0, target+2).Draw(t, "pollers"),
		Waiting:   rapid.IntRange(0, 3).Draw(t, "waiting"),
		Receives:  rapid.IntRange(0, 2*target).Draw(t, "receives"),
		Successes: rapid.IntRange(0, 3).Draw(t, "successes"),
		Errors:    max(0, rapid.IntRange(-5, 2).Draw(t, "errors")),
		Throttles: max(0, rapid.IntRange(-5, 2).Draw(t, "throttles")),
	}
	l.Empty = rapid.IntRange(0, l.Receives).Draw(t, "empty")
	l.Full = rapid.IntRange(0, l.Receives-l.Empty).Draw(t, "full")
	if rapid.Bool().Draw(t, "backlog") {
		l.Pollers, l.Full, l.Empty = target, l.Receives, 0
	}
	return l
}
