package stream

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/esm-run/esm"
	"github.com/esm-run/esm/engine/policy"
	"github.com/esm-run/esm/engine/retry"
	"github.com/esm-run/esm/trace"
)

// shard reads one shard of a stream. Its fields are owned by run.
type shard struct {
	feed     *Feed
	id       string
	identity string         // of the stream, as listed
	source   string         // the stream's ARN
	rules    policy.Stream  // with the stream's retention
	kept     esm.Checkpoint // as last saved
	stale    bool           // kept is not what the store has
	trimmed  string         // the position that turned out to be trimmed; empty if none did
	idle     time.Time      // when the first of the latest reads without records began; zero after a read with some
}

// run reads the shard until it is drained or ctx ends. After an error it continues from the checkpoint, which it loads again
// if it was changed elsewhere. The error that run returns concerns the whole mapping.
func (s *shard) run(ctx, work context.Context) (mappingErr error) {
	retry.Keep(ctx, s.feed.Scale, func() (more bool, err error) {
		err = s.attempt(ctx, work)
		switch {
		case s.kept.Drained:
			s.feed.Trace.Emit(trace.Drained{Mapping: s.feed.Mapping, Shard: s.id})
			return false, nil
		case errors.Is(err, esm.ErrForeign), errors.Is(err, esm.ErrNoStream):
			mappingErr = err
			return false, nil
		case errors.Is(err, esm.ErrConflict):
			s.stale = true
		}
		return true, err
	}, s.failing)
	return mappingErr
}

func (s *shard) failing(err error, wait time.Duration) {
	s.feed.Trace.Emit(trace.Failing{Mapping: s.feed.Mapping, Shard: s.id, Err: err, Wait: wait})
}

// attempt reads the shard from its checkpoint to its end. An error about the position or the shard itself is handled in the
// same way whether it comes from Open or from Read.
func (s *shard) attempt(ctx, work context.Context) error {
	if err := s.load(ctx); err != nil || s.kept.Drained {
		return err
	}
	reader, err := s.open(ctx)
	if err == nil {
		err = s.process(ctx, work, reader)
	}
	switch {
	case errors.Is(err, esm.ErrForeign) && s.kept.Position != "":
		return s.startOver(ctx, work, err)
	case errors.Is(err, esm.ErrTrimmed) && s.kept.Position != s.trimmed:
		return s.skipTrimmed(ctx, work, err)
	case errors.Is(err, esm.ErrNoShard):
		s.feed.Trace.Emit(trace.Reading{Mapping: s.feed.Mapping, Shard: s.id, Position: s.kept.Position, Lost: err})
		return s.process(ctx, work, gone{})
	}
	return err
}

// load makes kept the checkpoint that the store has, if it was changed elsewhere, and fits it to the mapping as it is now.
func (s *shard) load(ctx context.Context) error {
	if s.stale {
		all, err := s.feed.Checkpoints.All(ctx, s.feed.Mapping)
		if err != nil {
			return err
		}
		s.kept, s.stale = all[s.id], false
	}
	s.kept = policy.ForLanes(s.kept, s.lanes())
	if s.feed.Tumbling.Length == 0 {
		s.kept.Window = nil // the mapping had windows once
	}
	return nil
}

// process reads records and has the lanes handle them. When it returns, the lanes have ended and kept is what they saved last.
func (s *shard) process(ctx, work context.Context, reader esm.Reader) error {
	defer reader.Close()
	inner, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	ledger := newLedger(s)
	s.idle = time.Time{}
	var lanes sync.WaitGroup
	inboxes := make([]chan part, s.lanes())
	for n := range inboxes {
		inboxes[n] = make(chan part, 1)
		l := &lane{feed: s.feed, shard: s, n: n, inbox: inboxes[n], ledger: ledger, window: s.kept.Window}
		lanes.Go(func() {
			if err := l.run(inner, work); err != nil {
				stop(err)
			}
		})
	}
	err := s.read(inner, work, reader, dealer{ledger, inboxes})
	ledger.atEnd = err == io.EOF
	for _, inbox := range inboxes {
		close(inbox)
	}
	lanes.Wait()
	s.kept = ledger.kept
	switch cause := context.Cause(inner); {
	case ctx.Err() != nil:
		return nil
	case cause != nil:
		return cause
	case err != io.EOF:
		return err
	}
	err = ledger.drain(work)
	s.kept = ledger.kept
	return err
}

func (s *shard) lanes() int { return max(s.feed.Lanes, 1) }

// open opens the shard behind its last settled record, or at its oldest record if that position has been trimmed.
func (s *shard) open(ctx context.Context) (esm.Reader, error) {
	from := s.feed.Shards.From(s.kept)
	if from.After != "" && from.After == s.trimmed {
		from = esm.From{}
	}
	reader, err := s.feed.Stream.Open(ctx, s.id, from)
	if err == nil {
		s.feed.Trace.Emit(trace.Reading{Mapping: s.feed.Mapping, Shard: s.id, Position: from.After})
	}
	return reader, err
}

// skipTrimmed continues with the oldest record because the records behind the position have been trimmed.
func (s *shard) skipTrimmed(ctx, work context.Context, why error) error {
	s.feed.Trace.Emit(trace.Reading{Mapping: s.feed.Mapping, Shard: s.id, Position: s.kept.Position, Lost: fmt.Errorf(
		"%w: reading continues with the oldest record of the shard", why)})
	s.trimmed = s.kept.Position
	return s.attempt(ctx, work)
}

// startOver handles a position that is not one of this shard. If the stream was recreated that concerns the whole mapping.
// Otherwise, as when an emulator has lost records in a restart, the shard is read again from where it first started.
func (s *shard) startOver(ctx, work context.Context, why error) error {
	listing, err := s.feed.Stream.List(ctx)
	if err != nil {
		return err
	}
	if listing.Identity != s.identity {
		return why
	}
	next, err := s.feed.Checkpoints.Save(work, s.key(), esm.Checkpoint{Since: s.kept.Since, Version: s.kept.Version})
	if err != nil {
		return err
	}
	s.feed.Trace.Emit(trace.Reading{Mapping: s.feed.Mapping, Shard: s.id, Position: s.kept.Position, Lost: fmt.Errorf(
		"%w: the shard is read again from where the mapping started, and records may be delivered again", why)})
	s.kept = next
	return s.attempt(ctx, work)
}

func (s *shard) key() esm.Key { return esm.Key{Mapping: s.feed.Mapping, Shard: s.id} }

// gone is the reader of a shard that does not exist any more: it is at its end, so that an open window is closed and the
// children may start.
type gone struct{}

func (gone) Read(context.Context, int) ([]esm.Record, error) { return nil, io.EOF }

func (gone) Close() {}
