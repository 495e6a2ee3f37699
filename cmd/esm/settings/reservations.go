package settings

import (
	"context"

	"github.com/esm-run/esm/api"
)

// Reservations are the reserved concurrency of all functions.
type Reservations struct {
	*Setting[int]
	pool int // that functions without a reservation share
}

var _ api.Concurrency = Reservations{}

// Reserved implements [api.Concurrency].
func (r Reservations) Reserved(function string) (n int, ok bool) {
	set, ok := r.Get(function)
	return set.Value, ok
}

// Reserve implements [api.Concurrency].
func (r Reservations) Reserve(ctx context.Context, function string, n *int) error {
	_, err := r.Change(ctx, function, func(*int) (*int, error) { return n, nil })
	return err
}

// Unreserved implements [api.Concurrency].
func (r Reservations) Unreserved() int { return r.pool }
