package chaos

import (
	"context"
	"math/rand/v2"
	"time"

	"github.com/esm-run/esm"
)

// Stream is an [esm.Stream] whose calls fail. Its fields are set before its first use.
type Stream struct {
	Stream esm.Stream
	Faults *Injector

	// Reshard splits or merges shards at random; nil means that the stream keeps its shards. It is called concurrently.
	Reshard func(dice *rand.Rand)
}

var _ esm.Stream = (*Stream)(nil)

// List implements [esm.Stream].
func (s *Stream) List(ctx context.Context) (esm.Listing, error) {
	if dice, hit := s.Faults.Strikes(SourceReshards, "stream"); hit && s.Reshard != nil {
		s.Reshard(dice)
	}
	if err := s.Faults.reading(ctx, "list", SourceThrottles, SourceUndone, SourceSlow); err != nil {
		return esm.Listing{}, err
	}
	return s.Stream.List(ctx)
}

// Open implements [esm.Stream].
func (s *Stream) Open(ctx context.Context, shard string, from esm.From) (esm.Reader, error) {
	if err := s.Faults.reading(ctx, "open "+shard, SourceThrottles, SourceUndone, SourceSlow); err != nil {
		return nil, err
	}
	r, err := s.Stream.Open(ctx, shard, from)
	if err != nil {
		return nil, err
	}
	return &reader{Reader: r, faults: s.Faults, shard: shard}, nil
}

// reader belongs to one goroutine, as every [esm.Reader] does.
type reader struct {
	esm.Reader
	faults *Injector
	shard  string
	lost   []esm.Record // were read, but the answer was lost: the next Read returns them
}

// Read implements [esm.Reader].
func (r *reader) Read(ctx context.Context, limit int) ([]esm.Record, error) {
	target := "read " + r.shard
	if err := r.faults.reading(ctx, target, SourceThrottles, SourceExpires, SourceUndone, SourceSlow); err != nil {
		return nil, err
	}
	if _, hit := r.faults.Strikes(SourceEmpty, target); hit {
		return nil, sleep(ctx, time.Second)
	}
	recs := r.lost
	r.lost = nil
	if len(recs) > limit {
		recs, r.lost = recs[:limit:limit], recs[limit:]
	}
	if len(recs) == 0 {
		var err error
		if recs, err = r.Reader.Read(ctx, limit); err != nil {
			return nil, err
		}
	}
	if _, hit := r.faults.Strikes(SourceDone, target, idsOf(recs)...); hit && len(recs) > 0 {
		r.lost = append(recs, r.lost...)
		return nil, failure(SourceDone)
	}
	return recs, nil
}

// reading fails or delays a call that changes nothing.
func (i *Injector) reading(ctx context.Context, target string, faults ...Fault) error {
	fault, dice := i.first(faults, target, nil)
	switch fault {
	case "":
		return nil
	case SourceSlow:
		return sleep(ctx, between(dice, time.Second, slowest))
	}
	return failure(fault)
}
