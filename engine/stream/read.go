package stream

import (
	"context"
	"errors"
	"io"
	"slices"
	"time"

	"github.com/esm-run/esm"
	"github.com/esm-run/esm/engine/retry"
	"github.com/esm-run/esm/trace"
)

// partSize is how many records one read asks for, and so the most that wait for a lane.
const partSize = 1000

// part is what a read brings to one lane.
type part struct {
	recs      []esm.Record
	idle, tip time.Time // see [policy.Seen]
	past      bool      // the records of runs that were pending when reading started are in this read or before it
}

// dealer deals what is read to the lanes of a shard.
type dealer struct {
	ledger  *ledger
	inboxes []chan part
}

// read deals records until the shard is at its end (io.EOF) or an error lasts. After a passing error it reads on: to start
// again it would have to wait for the lanes, one of which may be failing for a long time.
func (s *shard) read(ctx, work context.Context, reader esm.Reader, d dealer) (err error) {
	retry.Keep(ctx, s.feed.Scale, func() (more bool, _ error) {
		err = s.readOnce(ctx, work, reader, d)
		return err != io.EOF && !lasts(err), err // io.EOF itself: a connection that broke wraps it
	}, s.failing)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return err
}

// lasts reports whether an error is about the position, the shard, the stream or the checkpoint, so that reading on does not
// help.
func lasts(err error) bool {
	return slices.ContainsFunc(
		[]error{esm.ErrForeign, esm.ErrTrimmed, esm.ErrNoShard, esm.ErrNoStream, esm.ErrConflict},
		func(lasting error) bool { return errors.Is(err, lasting) })
}

// readOnce makes one read and deals its records.
func (s *shard) readOnce(ctx, work context.Context, reader esm.Reader, d dealer) error {
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
	s.feed.Trace.Emit(trace.Received{Mapping: s.feed.Mapping, Shard: s.id, Records: recs, Took: time.Since(began), Err: err})
	if err != nil {
		return err
	}
	parts, unwanted := d.ledger.deal(recs)
	if len(unwanted) > 0 {
		s.feed.Trace.Emit(trace.Filtered{Mapping: s.feed.Mapping, Shard: s.id, Records: unwanted})
	}
	unsaved := d.ledger.saveSkipped(work) // reported below: the parts have to reach the lanes
	if len(recs) == 0 && s.feed.Tumbling.Length > 0 {
		d.offer(part{idle: s.idle, tip: began})
	}
	if err := d.send(ctx, parts); err != nil {
		return err
	}
	return unsaved
}

// send gives each lane its part. It blocks while a lane has a part waiting, after all free lanes have got theirs.
func (d dealer) send(ctx context.Context, parts []part) error {
	var late []int
	for n, p := range parts {
		if len(p.recs) == 0 && !p.past {
			continue
		}
		select {
		case d.inboxes[n] <- p:
		default:
			late = append(late, n)
		}
	}
	for _, n := range late {
		select {
		case d.inboxes[n] <- parts[n]:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

// offer gives p to the lanes that have nothing waiting.
func (d dealer) offer(p part) {
	for _, inbox := range d.inboxes {
		select {
		case inbox <- p:
		default:
		}
	}
}
