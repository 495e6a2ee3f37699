package policy

import (
	"math"
	"time"
)

// Backoff is an exponential backoff. The zero Backoff starts with 100 ms and doubles up to 5 s.
type Backoff struct {
	Base   time.Duration // the first delay; 0 means 100 ms
	Max    time.Duration // the longest delay; 0 means 5 s
	Factor float64       // by which each delay exceeds the one before it; less than 1 means 2
}

// Delay returns the nth delay: Base times Factor to the power of n-1, at most Max. An n below 1 counts as 1.
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
