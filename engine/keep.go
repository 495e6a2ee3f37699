package engine

import (
	"context"
	"time"

	"github.com/cenkalti/backoff/v4"
)

// Pauses between turns that fail: they grow from firstPause to lastPause, so that a queue that appears late is found
// within seconds and a source in trouble is left in peace.
const (
	firstPause = 250 * time.Millisecond
	lastPause  = 10 * time.Second
)

// keep takes turns until one reports that there are no more, or ctx ends: at once again after a turn that went well, after
// a growing pause when it did not. Failing is told the error and the pause before it begins.
func keep(ctx context.Context, scale float64, turn func() (more bool, err error), failing func(error, time.Duration)) {
	pause := pauses(scale)
	for ctx.Err() == nil {
		more, err := turn()
		if !more {
			return
		}
		if err == nil {
			pause.Reset()
			continue
		}
		wait := pause.NextBackOff()
		failing(err, wait)
		sleep(ctx, wait)
	}
}

// pauses grow without an end; scale shortens or lengthens them, and zero leaves them as they are.
func pauses(scale float64) *backoff.ExponentialBackOff {
	return backoff.NewExponentialBackOff(
		backoff.WithInitialInterval(scaled(firstPause, scale)),
		backoff.WithMaxInterval(scaled(lastPause, scale)),
		backoff.WithMultiplier(1.6),
		backoff.WithMaxElapsedTime(0),
	)
}

// sleep waits for d and reports whether it did; the end of ctx cuts it short.
func sleep(ctx context.Context, d time.Duration) bool {
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

// scaled multiplies a pause; a scale of zero leaves it as it is.
func scaled(d time.Duration, scale float64) time.Duration {
	if scale == 0 {
		return d
	}
	return time.Duration(scale * float64(d))
}

// shortCall is how long a call to a source that does not wait for anything may outlive ctx.
const shortCall = 2 * time.Second

// linger makes the context of a short call: it is let finish when ctx ends, because what it hands out would be out of
// sight otherwise, but not for long, since the source may be out of reach.
func linger(ctx, work context.Context) (short context.Context, end context.CancelFunc) {
	short, cancel := context.WithCancel(work)
	unhook := context.AfterFunc(ctx, func() {
		sleep(short, shortCall)
		cancel()
	})
	return short, func() {
		unhook()
		cancel()
	}
}
