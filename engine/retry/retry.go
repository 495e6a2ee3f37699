// Package retry waits, and repeats what failed after pauses that grow.
package retry

import (
	"context"
	"time"

	"github.com/cenkalti/backoff/v4"
)

// The bounds of a pause: short enough to find a queue within seconds of its creation, long enough to leave a service in
// trouble alone.
const (
	firstPause = 250 * time.Millisecond
	lastPause  = 10 * time.Second
)

// Keep calls turn until it returns more=false or ctx ends, but at least once. It calls turn again at once after a nil error
// and after a growing pause otherwise. Before a pause it calls failing, which may be nil.
func Keep(ctx context.Context, scale float64, turn func() (more bool, err error), failing func(err error, pause time.Duration)) {
	var pauses *Pauses // since the last success
	for {
		more, err := turn()
		if !more || ctx.Err() != nil {
			return
		}
		if err == nil {
			pauses = nil
			continue
		}
		if pauses == nil {
			pauses = NewPauses(scale)
		}
		pause := pauses.Next()
		if failing != nil {
			failing(err, pause)
		}
		if !Sleep(ctx, pause) {
			return
		}
	}
}

// Pauses are the pauses after errors in a row: from a quarter of a second to ten seconds, each up to half shorter or longer at
// random. They belong to one goroutine.
type Pauses struct{ growing *backoff.ExponentialBackOff }

// NewPauses returns pauses that are multiplied by scale; 0 means 1.
func NewPauses(scale float64) *Pauses {
	return &Pauses{backoff.NewExponentialBackOff(
		backoff.WithInitialInterval(Scaled(firstPause, scale)),
		backoff.WithMaxInterval(Scaled(lastPause, scale)),
		backoff.WithMultiplier(1.6),
		backoff.WithMaxElapsedTime(0),
	)}
}

// Next returns the next pause. Pauses grow on average by 60 % each.
func (p *Pauses) Next() time.Duration { return p.growing.NextBackOff() }

// Reset makes the next pause the shortest, after a success.
func (p *Pauses) Reset() { p.growing.Reset() }

// Sleep waits for d and returns true, or returns false as soon as ctx ends.
func Sleep(ctx context.Context, d time.Duration) bool {
	if d <= 0 {
		return ctx.Err() == nil
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// Scaled returns d multiplied by scale; a scale of 0 means 1.
func Scaled(d time.Duration, scale float64) time.Duration {
	if scale == 0 {
		return d
	}
	return time.Duration(scale * float64(d))
}

// Linger returns a context for a call that may go on after ctx has ended. The context ends when work does, or as soon as both
// ctx has ended and limit has passed since Linger was called. The caller must call end when the call has returned.
func Linger(ctx, work context.Context, limit time.Duration) (call context.Context, end context.CancelFunc) {
	call, cancel := context.WithCancel(work)
	latest := time.Now().Add(limit)
	unhook := context.AfterFunc(ctx, func() {
		Sleep(call, time.Until(latest))
		cancel()
	})
	return call, func() {
		unhook()
		cancel()
	}
}
