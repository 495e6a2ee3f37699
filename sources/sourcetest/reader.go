package sourcetest

import (
	"context"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/esm-run/esm"
)

// reader reads one shard of a Stream. It belongs to one goroutine, except that next is guarded by the stream's lock.
type reader struct {
	stream *Stream
	life   int
	shard  string
	next   int       // index of the next record
	idle   time.Time // when the last read found nothing; zero if it found records
}

// Read implements [esm.Reader].
func (r *reader) Read(ctx context.Context, limit int) ([]esm.Record, error) {
	if limit < 1 {
		return nil, fmt.Errorf("sourcetest: read %s: limit %d", r.shard, limit)
	}
	s := r.stream
	call := s.count(s.reads, r.shard, 1)
	fault := s.cfg.ReadFaults.at(r.shard, call)
	if fault.Err != nil && !fault.Done {
		return nil, fault.Err
	}
	if err := r.wait(ctx); err != nil {
		return nil, err
	}
	if fault.Err != nil {
		return nil, fault.Err
	}
	recs, err := r.take(limit, call)
	if err == io.EOF {
		return nil, io.EOF
	}
	if r.idle = (time.Time{}); len(recs) == 0 && err == nil {
		r.idle = time.Now()
	}
	if err != nil {
		return nil, fmt.Errorf("sourcetest: read %s: %w", r.shard, err)
	}
	return recs, nil
}

// wait delays a reader that found nothing by the stream's Pace.
func (r *reader) wait(ctx context.Context) error {
	if r.idle.IsZero() {
		return ctx.Err()
	}
	timer := time.NewTimer(time.Until(r.idle.Add(r.stream.cfg.Pace)))
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return ctx.Err()
	}
}

func (r *reader) take(limit, call int) ([]esm.Record, error) {
	s := r.stream
	s.mu.Lock()
	defer s.mu.Unlock()
	sh, err := s.find(r)
	if err != nil {
		return nil, err
	}
	if r.next < sh.trimmed {
		if !s.cfg.Forgiving {
			return nil, esm.ErrTrimmed
		}
		r.next = sh.trimmed
	}
	recs := sh.recs[r.next:min(r.next+limit, len(sh.recs))]
	if len(recs) == 0 && sh.closed {
		return nil, io.EOF
	}
	if s.cfg.EmptyEvery > 0 && call%s.cfg.EmptyEvery == 0 {
		return nil, nil
	}
	r.next += len(recs)
	return slices.Clone(recs), nil
}

// Close implements [esm.Reader].
func (r *reader) Close() { r.stream.count(r.stream.readers, r.shard, -1) }
