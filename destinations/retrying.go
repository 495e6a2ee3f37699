package destinations

import (
	"context"
	"errors"
	"time"

	"github.com/cenkalti/backoff/v4"

	"github.com/esm-run/esm"
)

// What sending one notice may cost: the shard stands still meanwhile. All of it is shorter than a stop waits by default, so
// that a notice for a destination that does not answer is kept then, too.
const (
	tries      = 5
	firstPause = 200 * time.Millisecond // between tries, doubled each time, half less to half more
	tryWithin  = 15 * time.Second       // even 6 MB on a slow line
	allWithin  = 25 * time.Second
)

// Retrying sends a notice again when that may help: up to five times within some five seconds, and longer only when no
// answer comes, which is waited for up to 15 s, and 25 s in all. It gives up at once on [esm.ErrUndeliverable].
type Retrying struct {
	esm.Destination
}

var _ esm.Destination = Retrying{}

// Send is [esm.Destination].Send with its error at the last try. It ends early with ctx.
func (r Retrying) Send(ctx context.Context, n esm.Notice) (err error) {
	ctx, cancel := context.WithTimeout(ctx, allWithin)
	defer cancel()
	stopped := backoff.Retry(func() error {
		if err = r.try(ctx, n); errors.Is(err, esm.ErrUndeliverable) {
			return backoff.Permanent(err)
		}
		return err
	}, backoff.WithContext(backoff.WithMaxRetries(pauses(), tries-1), ctx))
	if stopped == nil {
		return nil
	}
	return err // that of the destination, also when ctx ended in a pause
}

func (r Retrying) try(ctx context.Context, n esm.Notice) error {
	ctx, cancel := context.WithTimeout(ctx, tryWithin)
	defer cancel()
	return r.Destination.Send(ctx, n)
}

func pauses() backoff.BackOff {
	return backoff.NewExponentialBackOff(
		backoff.WithInitialInterval(firstPause),
		backoff.WithMultiplier(2),
		backoff.WithMaxElapsedTime(0),
	)
}
