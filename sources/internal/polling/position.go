package polling

import (
	"fmt"
	"slices"

	"github.com/esm-run/esm"
	"github.com/esm-run/esm/awserr"
)

// Position is a position in a shard for which an iterator is needed.
type Position struct {
	Shard       string
	AfterRecord bool // otherwise it is the shard's oldest record, or a time
	Emulated    bool // the service is not AWS: an internal error may mean anything

	Ask       func() (string, error) // asks for the iterator
	AskOldest func() error           // asks for an iterator at the oldest record
	List      func() ([]esm.Shard, error)
}

// Iterator asks for the iterator. If the stream, the shard or the position is gone, the error says so.
func (p Position) Iterator() (string, error) {
	it, err := p.Ask()
	switch {
	case err == nil && it == "":
		return "", errNoIterator
	case p.AfterRecord && awserr.Invalid(err):
		return "", fmt.Errorf("%w: %w", esm.ErrForeign, err)
	case awserr.NotFound(err), p.Emulated && awserr.Internal(err):
		return "", p.diagnose(err)
	}
	return it, err
}

// diagnose finds out what is gone. A service gives the same error for a stream and for a shard, and an emulator also for a
// position. Some emulators give an internal error instead, every time.
//
// A wrong verdict would lose records. So the service has to say everything twice, and a shard that is listed as open is not
// gone. Without confirmation the result is err, which may pass.
func (p Position) diagnose(err error) error {
	shards, unlisted := p.List()
	if unlisted != nil {
		return fmt.Errorf("%w: %w", unlisted, err)
	}
	same := func(other error) bool {
		return awserr.Code(other) == awserr.Code(err) && awserr.Status(other) == awserr.Status(err)
	}
	again := func() bool { _, err := p.Ask(); return same(err) }
	listed := slices.IndexFunc(shards, func(s esm.Shard) bool { return s.ID == p.Shard })
	if listed < 0 {
		return verdict(again(), esm.ErrNoShard, err)
	}
	oldest := p.AskOldest()
	if oldest == nil && p.AfterRecord {
		return verdict(again(), esm.ErrForeign, err)
	}
	return verdict(same(oldest) && shards[listed].Closed && !awserr.Internal(err), esm.ErrNoShard, err)
}

func verdict(sure bool, kind, err error) error {
	if sure {
		return fmt.Errorf("%w: %w", kind, err)
	}
	return err
}
