package destinations

import (
	"context"
	"errors"
	"time"

	"github.com/cenkalti/backoff/v4"

	"github.com/esm-run/esm"
)

// The bounds of sending one notice, during which its shard waits. All of them are shorter than the default grace period, so
// that at a stop a notice for a destination that does not answer is still stored.
const (
	maxTries     = 5
	firstBackoff = 200 * time.Millisecond // doubles, with a jitter of half
	tryTimeout   = 15 * time.Second       // enough for 6 MB on a slow line
	totalTimeout = 25 * time.Second
)

// Retrying retries a destination: up to five tries within about five seconds, or 25 seconds if the destination does not
// answer. It stops at [esm.ErrUndeliverable].
type Retrying struct {
	Destination esm.Destination
}

var _ esm.Destination = Retrying{}

// Send implements [esm.Destination]. Its error is that of the last try, even if ctx ended after it.
func (r Retrying) Send(ctx context.Context, n esm.Notice) (last error) {
	ctx, cancel := context.WithTimeout(ctx, totalTimeout)
	defer cancel()
	waits := backoff.NewExponentialBackOff(
		backoff.WithInitialInterval(firstBackoff), backoff.WithMultiplier(2), backoff.WithMaxElapsedTime(0))
	err := backoff.Retry(func() error {
		if last = r.try(ctx, n); errors.Is(last, esm.ErrUndeliverable) {
			return backoff.Permanent(last)
		}
		return last
	}, backoff.WithContext(backoff.WithMaxRetries(waits, maxTries-1), ctx))
	if err == nil {
		return nil
	}
	return last
}

func (r Retrying) try(ctx context.Context, n esm.Notice) error {
	ctx, cancel := context.WithTimeout(ctx, tryTimeout)
	defer cancel()
	return r.Destination.Send(ctx, n)
}
