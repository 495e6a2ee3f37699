package answers

import (
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

// Diagnose tells what lies behind an answer that something was not found. The service says the same of the stream and of
// the shard; of the position too, if it is an emulator; and some emulators have an internal error in its place, for ever.
//
// To believe it costs records, so everything has to be said twice, and a shard that is listed as open is not gone. What
// nothing speaks for stays err, which passes.
func Diagnose(err error, p Probe) error {
	shards, unlisted := p.List()
	if unlisted != nil {
		return fmt.Errorf("%w: %w", unlisted, err)
	}
	same := func(other error) bool { return Code(other) == Code(err) && Status(other) == Status(err) }
	listed := slices.IndexFunc(shards, func(s esm.Shard) bool { return s.ID == p.Shard })
	if listed < 0 {
		return believed(same(p.Again()), esm.ErrNoShard, err)
	}
	oldest := p.Oldest()
	if oldest == nil && p.Positioned {
		return believed(same(p.Again()), esm.ErrForeign, err)
	}
	return believed(same(oldest) && shards[listed].Closed && !Internal(err), esm.ErrNoShard, err)
}

func believed(yes bool, what, err error) error {
	if yes {
		return fmt.Errorf("%w: %w", what, err)
	}
	return err
}
