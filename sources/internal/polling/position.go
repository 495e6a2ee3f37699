package polling

import (
	"fmt"
	"slices"

	"github.com/esm-run/esm"
	"github.com/esm-run/esm/sources/internal/awserr"
)

// Position is a place in a shard that an iterator is asked for.
type Position struct {
	Shard       string
	AfterRecord bool // otherwise it is the shard's oldest record, or a time
	Emulated    bool // the service is not AWS: an internal error may mean anything

	Ask       func() (string, error) // asks for the iterator
	AskOldest func() error           // asks for an iterator at the oldest record
	List      func() ([]esm.Shard, error)
}

// Iterator asks for the iterator. An error says whether the stream, the shard or the position is gone, if so.
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

// diagnose finds out what is gone. A service says the same of the stream and of the shard, and an emulator also of the
// position. Some emulators answer with an internal error instead, every time.
//
// A wrong verdict costs records. So everything has to be said twice, and a shard that is listed as open is not gone. What
// nothing else confirms stays err, and may pass.
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
