package policy_test

import (
	"math"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/esm-run/esm/engine/policy"
)

func TestBackoff(t *testing.T) {
	const ms = time.Millisecond
	for _, test := range []struct {
		name    string
		backoff policy.Backoff
		n       int
		want    time.Duration
	}{
		{"the first", policy.Backoff{}, 1, 100 * ms},
		{"before the first", policy.Backoff{}, -3, 100 * ms},
		{"the second", policy.Backoff{}, 2, 200 * ms},
		{"the sixth", policy.Backoff{}, 6, 3200 * ms},
		{"the seventh is capped", policy.Backoff{}, 7, 5000 * ms},
		{"the millionth too", policy.Backoff{}, 1_000_000, 5000 * ms},
		{"another factor", policy.Backoff{Base: 10 * ms, Factor: 3}, 3, 90 * ms},
		{"no growth", policy.Backoff{Base: 10 * ms, Factor: 1}, 9, 10 * ms},
		{"a factor that would shrink", policy.Backoff{Factor: 0.5}, 2, 200 * ms},
		{"NaN", policy.Backoff{Factor: math.NaN()}, 2, 200 * ms},
		{"a base above the maximum", policy.Backoff{Base: time.Minute, Max: time.Second}, 1, time.Second},
		{"hours", policy.Backoff{Base: time.Hour, Max: math.MaxInt64}, 100, math.MaxInt64},
	} {
		if got := test.backoff.Delay(test.n); got != test.want {
			t.Errorf("%s: got %v, want %v", test.name, got, test.want)
		}
	}
}

func TestBackoffGrowsToMax(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b := policy.Backoff{
			Base:   time.Duration(rapid.Int64Range(1, math.MaxInt64).Draw(t, "base")),
			Max:    time.Duration(rapid.Int64Range(1, math.MaxInt64).Draw(t, "max")),
			Factor: rapid.Float64Range(1, 1e9).Draw(t, "factor"),
		}
		n := rapid.IntRange(1, math.MaxInt-1).Draw(t, "n")
		if got, next := b.Delay(n), b.Delay(n+1); got <= 0 || next < got || next > b.Max {
			t.Errorf("%v then %v, at most %v", got, next, b.Max)
		}
	})
}
