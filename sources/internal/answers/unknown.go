package answers

import (
	"errors"
	"fmt"
	"slices"

	"github.com/esm-run/esm"
)

// Probe is how to find out about a shard that could not be opened at a position.
type Probe struct {
	Shard      string
	Positioned bool                        // it was to be opened behind a record, not at its oldest one
	List       func() ([]esm.Shard, error) // lists the stream
	Oldest     func() error                // opens the shard at its oldest record
	Again      func() error                // opens it as before
}

// Unknown tells what lies behind an internal error of an emulator's: some answer so to a shard or a position that they do
// not know, for ever. What nothing speaks for stays err, which passes.
func Unknown(err error, p Probe) error {
	shards, unlisted := p.List()
	switch {
	case errors.Is(unlisted, esm.ErrNoStream):
		return unlisted // LocalStack looks for the position in the stream that has the old one's name
	case unlisted != nil:
		return err
	case !slices.ContainsFunc(shards, func(listed esm.Shard) bool { return listed.ID == p.Shard }):
		return fmt.Errorf("%w: %w", esm.ErrNoShard, err)
	case !p.Positioned || p.Oldest() != nil:
		return err
	}
	if again := p.Again(); Internal(again) {
		return fmt.Errorf("%w: %w", esm.ErrForeign, again)
	}
	return err
}
