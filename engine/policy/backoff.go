package policy

import (
	"math"
	"time"
)

// Backoff is a pause that grows from one time to the next. The zero Backoff is 100 ms, doubled up to 5 s.
type Backoff struct {
	Base   time.Duration // the first pause; 0 means 100 ms
	Max    time.Duration // the longest pause; 0 means 5 s
	Factor float64       // how much longer each pause is than the one before it; less than 1 means 2
}

// Delay is the nth pause: Base times Factor to the power of n-1, and never longer than Max. An n below 1 counts as 1.
func (b Backoff) Delay(n int) time.Duration {
	base, longest, factor := b.Base, b.Max, b.Factor
	if base <= 0 {
		base = 100 * time.Millisecond
	}
	if longest <= 0 {
		longest = 5 * time.Second
	}
	if !(factor >= 1) {
		factor = 2
	}
	delay := float64(base) * math.Pow(factor, float64(max(n, 1)-1))
	if delay < float64(longest) {
		return time.Duration(delay)
	}
	return longest
}
