package destinations

import (
	"context"
	"errors"
	"fmt"

	"github.com/esm-run/esm"
)

// Keeper keeps a notice that a destination did not take, durably, until somebody sends it again or drops it. Keeping the
// same notice again replaces the destination and the reason.
type Keeper interface {
	Keep(ctx context.Context, n esm.Notice, destination, reason string) error
}

// Kept keeps what its destination does not take, so that the shard can go on and nothing is lost. AWS drops it.
type Kept struct {
	esm.Destination // should try again by itself: see [Retrying]

	Keeper Keeper
	Name   string                  // of the destination: its ARN
	Told   func(esm.Notice, error) // of each notice that was sent, or kept because of an error; nil tells nobody
}

var _ esm.Destination = Kept{}

// Send is [esm.Destination].Send. A notice that is kept counts as sent. The error is that of a notice which is neither:
// keeping it failed, or ctx ended first, which says nothing about the destination.
func (k Kept) Send(ctx context.Context, n esm.Notice) error {
	err := k.Destination.Send(ctx, n)
	if err != nil && ctx.Err() != nil {
		return err
	}
	if err != nil {
		if kept := k.Keeper.Keep(ctx, n, k.Name, err.Error()); kept != nil {
			return errors.Join(err, fmt.Errorf("destinations: keep the notice: %w", kept))
		}
	}
	if k.Told != nil {
		k.Told(n, err)
	}
	return nil
}
