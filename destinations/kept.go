package destinations

import (
	"context"
	"errors"
	"fmt"

	"github.com/esm-run/esm"
)

// Kept stores notices that a destination does not accept, so that the shard can go on and nothing is lost. AWS discards
// them.
type Kept struct {
	Destination esm.Destination // should retry: see [Retrying]
	ARN         string          // of Destination

	Undelivered esm.Undelivered

	// Sent is called for each notice that was sent, with a nil error, or stored because of an error. It may be nil.
	Sent func(esm.Notice, error)
}

var _ esm.Destination = Kept{}

// Send implements [esm.Destination]. It returns nil if n was sent or stored. Its error is that of storing, or of a ctx that
// ended first, which is no reason to store.
func (k Kept) Send(ctx context.Context, n esm.Notice) error {
	err := k.Destination.Send(ctx, n)
	if err != nil && ctx.Err() != nil {
		return err
	}
	if err != nil {
		if keeping := k.Undelivered.Keep(ctx, n, k.ARN, err.Error()); keeping != nil {
			return errors.Join(err, fmt.Errorf("destinations: keep the notice: %w", keeping))
		}
	}
	if k.Sent != nil {
		k.Sent(n, err)
	}
	return nil
}
