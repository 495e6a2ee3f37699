package engine

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/esm-run/esm"
	"github.com/esm-run/esm/engine/policy"
	"github.com/esm-run/esm/trace"
)

// shard is one shard of a StreamFeed at work. Its fields are owned by run.
type shard struct {
	*StreamFeed
	id       string
	identity string         // of the stream, as it was listed
	source   string         // the stream's ARN
	rules    policy.Stream  // with the stream's retention
	from     esm.From       // where it begins while nothing of it is settled
	kept     esm.Checkpoint // as it was saved last
	trimmed  string         // the position that was seen to be trimmed away; empty while none was
	idle     time.Time      // when the first read began of those that have found nothing since; zero when the last found some
}

// partSize is how many records one read asks for: a part of what a lane works on, or waits with.
const partSize = 1000

// part is what a reader hands to a lane: some records, or since when reads have found none, or that no more will come of
// what was owed.
type part struct {
	recs      []esm.Record
	idle, tip time.Time // see [policy.Seen]
	past      bool      // whatever the lane owed when reading began lies in this read or before it
}

// run reads the shard until it is drained, or ctx ends. What goes wrong is taken up again from the checkpoint. An error
// concerns the whole mapping.
func (s *shard) run(ctx, work context.Context) (whole error) {
	keep(ctx, s.Scale, func() (bool, error) {
		err := s.life(ctx, work)
		switch {
		case s.kept.Drained:
			s.Trace.Emit(trace.Drained{Mapping: s.Mapping, Shard: s.id})
			return false, nil
		case errors.Is(err, esm.ErrForeign), errors.Is(err, esm.ErrNoStream), errors.Is(err, esm.ErrConflict):
			whole = err
			return false, nil
		}
		return ctx.Err() == nil, err
	}, s.failing)
	return whole
}

// life is one attempt to read the shard to its end, from its checkpoint on. What is said of its position and of the shard
// itself is the same whether it is said when the shard is opened, or only when it is read.
func (s *shard) life(ctx, work context.Context) error {
	s.kept = policy.ForLanes(s.kept, s.lanes())
	if s.Tumbling.Length == 0 {
		s.kept.Window = nil // of a mapping that had windows once
	}
	reader, err := s.open(ctx)
	if err == nil {
		err = s.carry(ctx, work, reader)
	}
	switch {
	case errors.Is(err, esm.ErrForeign) && s.kept.Position != "":
		return s.astray(ctx, work, err)
	case errors.Is(err, esm.ErrTrimmed) && s.kept.Position != s.trimmed:
		return s.overtaken(ctx, work, err)
	case errors.Is(err, esm.ErrNoShard):
		return s.vanished(ctx, work, err)
	}
	return err
}

// carry takes records from reader to the lanes. When it returns, the lanes have ended and all that they did is in s.kept.
func (s *shard) carry(ctx, work context.Context, reader esm.Reader) error {
	defer reader.Close()
	inner, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	book := newLedger(s)
	s.idle = time.Time{}
	var lanes sync.WaitGroup
	inboxes := make([]chan part, s.lanes())
	for n := range inboxes {
		inboxes[n] = make(chan part, 1)
		l := &lane{shard: s, n: n, inbox: inboxes[n], book: book, window: s.kept.Window}
		lanes.Go(func() {
			if err := l.run(inner, work); err != nil {
				stop(err)
			}
		})
	}
	err := s.read(inner, work, reader, book, inboxes)
	book.whole = err == io.EOF
	for _, inbox := range inboxes {
		close(inbox)
	}
	lanes.Wait()
	s.kept = book.kept
	if cause := context.Cause(inner); cause != nil {
		if ctx.Err() != nil {
			return nil
		}
		return cause
	}
	if err != io.EOF {
		return err
	}
	err = book.drain(work)
	s.kept = book.kept
	return err
}

func (s *shard) lanes() int { return max(s.Lanes, 1) }

// open opens the shard behind what is settled, or with the oldest record that is left when that has been trimmed away.
func (s *shard) open(ctx context.Context) (esm.Reader, error) {
	from := s.from
	if s.kept.Position != "" {
		from = esm.From{After: s.kept.Position}
	}
	if s.kept.Position != "" && s.kept.Position == s.trimmed {
		from = esm.From{}
	}
	reader, err := s.Stream.Open(ctx, s.id, from)
	if err == nil {
		s.Trace.Emit(trace.Reading{Mapping: s.Mapping, Shard: s.id, Position: from.After})
	}
	return reader, err
}

// overtaken tells that the position has been trimmed away, with all that was between it and the oldest record that is
// left: there reading goes on.
func (s *shard) overtaken(ctx, work context.Context, why error) error {
	s.Trace.Emit(trace.Reading{Mapping: s.Mapping, Shard: s.id, Position: s.kept.Position, Lost: fmt.Errorf(
		"%w: the shard is read on from the oldest record that is left", why)})
	s.trimmed = s.kept.Position
	return s.life(ctx, work)
}

// astray decides about a position that is not one of this shard. In a stream that was made anew it concerns the whole
// mapping. Otherwise, as after an emulator came back with less than it had, the shard begins again where it began first.
func (s *shard) astray(ctx, work context.Context, why error) error {
	listing, err := s.Stream.List(ctx)
	if err != nil {
		return err
	}
	if listing.Identity != s.identity {
		return why
	}
	next := esm.Checkpoint{Since: s.kept.Since, Version: s.kept.Version}
	if next, err = s.Checkpoints.Save(work, esm.Key{Mapping: s.Mapping, Shard: s.id}, next); err != nil {
		return err
	}
	s.Trace.Emit(trace.Reading{Mapping: s.Mapping, Shard: s.id, Position: s.kept.Position, Lost: fmt.Errorf(
		"%w: the shard is read again from where the mapping began, and records may come again", why)})
	s.kept, s.from = next, s.Shards.From(next)
	return s.life(ctx, work)
}

// failing tells the Trace what goes wrong with this shard alone.
func (s *shard) failing(err error, wait time.Duration) {
	s.Trace.Emit(trace.Failing{Mapping: s.Mapping, Shard: s.id, Err: err, Wait: wait})
}

// vanished notes that the shard is gone, so that its children may begin: it is like one that is at its end, where an open
// window is closed.
func (s *shard) vanished(ctx, work context.Context, why error) error {
	s.Trace.Emit(trace.Reading{Mapping: s.Mapping, Shard: s.id, Position: s.kept.Position, Lost: why})
	return s.carry(ctx, work, gone{})
}

// gone reads a shard that is gone.
type gone struct{}

func (gone) Read(context.Context, int) ([]esm.Record, error) { return nil, io.EOF }

func (gone) Close() {}

// read deals records to the lanes until the shard is drained (io.EOF), or something goes wrong that does not pass. After
// what passes it reads on: to begin again it would have to wait for the lanes, one of which may be in trouble for long.
func (s *shard) read(ctx, work context.Context, reader esm.Reader, book *ledger, inboxes []chan part) error {
	for pause := pauses(s.Scale); ; {
		err := s.readOnce(ctx, work, reader, book, inboxes)
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case err == io.EOF, lasts(err): // io.EOF itself: a connection that broke wraps it
			return err
		case err == nil:
			pause.Reset()
		default:
			wait := pause.NextBackOff()
			s.failing(err, wait)
			sleep(ctx, wait)
		}
	}
}

// lasts reports whether an error says something of the position, the shard, the stream or the checkpoint.
func lasts(err error) bool {
	for _, lasting := range []error{esm.ErrForeign, esm.ErrTrimmed, esm.ErrNoShard, esm.ErrNoStream, esm.ErrConflict} {
		if errors.Is(err, lasting) {
			return true
		}
	}
	return false
}

// readOnce makes one read and deals what it brings.
func (s *shard) readOnce(ctx, work context.Context, reader esm.Reader, book *ledger, inboxes []chan part) error {
	began := time.Now()
	recs, err := reader.Read(ctx, partSize)
	if err == io.EOF || ctx.Err() != nil {
		return err
	}
	if len(recs) > 0 || err != nil {
		s.idle = time.Time{}
	} else if s.idle.IsZero() {
		s.idle = began
	}
	s.Trace.Emit(trace.Received{Mapping: s.Mapping, Shard: s.id, Records: recs, Took: time.Since(began), Err: err})
	if err != nil {
		return err
	}
	parts, unwanted := book.deal(recs)
	if len(unwanted) > 0 {
		s.Trace.Emit(trace.Filtered{Mapping: s.Mapping, Shard: s.id, Records: unwanted})
	}
	unsaved := book.saveSkipped(work) // told later: what was dealt has to reach the lanes
	if len(recs) == 0 && s.Tumbling.Length > 0 {
		tell(inboxes, part{idle: s.idle, tip: began})
	}
	if err := send(ctx, inboxes, parts); err != nil {
		return err
	}
	return unsaved
}

// send gives each lane its part, and blocks while one of them has a part waiting; the others have theirs by then.
func send(ctx context.Context, inboxes []chan part, parts []part) error {
	var late []int
	for n, p := range parts {
		if len(p.recs) == 0 && !p.past {
			continue
		}
		select {
		case inboxes[n] <- p:
		default:
			late = append(late, n)
		}
	}
	for _, n := range late {
		select {
		case inboxes[n] <- parts[n]:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

// tell gives p to the lanes that have nothing waiting.
func tell(inboxes []chan part, p part) {
	for _, inbox := range inboxes {
		select {
		case inbox <- p:
		default:
		}
	}
}
