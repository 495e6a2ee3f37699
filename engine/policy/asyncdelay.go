package policy

import (
	"math"
	"time"

	"github.com/esm-run/esm"
)

// longestDelay is the longest delay of an event before its next try, unless it is scaled.
const longestDelay = 330 * time.Second

// delay is a delay before the next try of an event, and the factors between which it is spread.
type delay struct {
	nominal   time.Duration
	low, high float64
}

// functionErrorDelay returns the delay after the kth failed try: about a minute for each. Measured on AWS: 57 to 66 s and
// 114 to 130 s.
func functionErrorDelay(k int) delay { return delay{time.Duration(k) * time.Minute, 0.95, 1.10} }

// throttleDelay returns the delay after a try that may not have run, of which there were n before in a row: from one second
// it doubles to 5 minutes. Measured on AWS: up to a tenth longer, never shorter.
func throttleDelay(n int) delay {
	seconds := math.Min(math.Pow(2, float64(n)), 300)
	return delay{time.Duration(seconds * float64(time.Second)), 1.00, 1.10}
}

// spread returns the delay for dice.
func (d delay) spread(dice float64) time.Duration {
	return time.Duration(math.Round(float64(d.nominal) * (d.low + dice*(d.high-d.low))))
}

func (a Async) scale() float64 {
	if a.Scale == 0 {
		return 1
	}
	return a.Scale
}

func (a Async) scaled(d time.Duration) time.Duration {
	return time.Duration(math.Round(a.scale() * float64(d)))
}

// Overdue reports whether an event that is due at next would have to wait longer than any delay. It was stored before the
// clock was set back, and is to be tried now.
func (a Async) Overdue(next, now time.Time) bool {
	return next.Sub(now) > max(longestDelay, a.scaled(longestDelay))
}

// unscaledAge returns the age that e would have if its delays had their full length.
func (a Async) unscaledAge(e esm.Event, now time.Time) time.Duration {
	var waited time.Duration
	for k := range e.Tries {
		waited += functionErrorDelay(k + 1).nominal
	}
	for n := range e.Throttles {
		waited += throttleDelay(n).nominal
	}
	return max(Age(e, now)+waited-a.scaled(waited), 0)
}
