package stream

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/esm-run/esm"
	"github.com/esm-run/esm/engine/enginetest"
	"github.com/esm-run/esm/sources/sourcetest"
	"github.com/esm-run/esm/trace"
)

func TestAFailingRecordBlocksItsOwnShardAlone(t *testing.T) {
	bubble(t, sourcetest.StreamConfig{Shards: 3}, enginetest.ThrowOn("bad"), func(r *rig) {
		r.stream.PutTo(r.shard(1), "k", "bad")
		for i := range 30 {
			r.stream.PutTo(r.shard(i%3), "k", fmt.Sprint(i))
		}
		r.runFor(time.Hour)
		for i := range 3 {
			if got := r.settled(i); got != (i != 1) {
				r.Errorf("shard %d is settled: %v", i, got)
			}
		}
	})
}

// A checkpoint that was changed elsewhere is loaded again. Other shards of the mapping are not affected.
func TestAConflictRestartsItsShardAlone(t *testing.T) {
	bubble(t, sourcetest.StreamConfig{Shards: 2}, enginetest.Succeed, func(r *rig) {
		for i := range 2 {
			r.stream.PutTo(r.shard(i), "k", "first")
		}
		r.runFor(time.Second)
		moved := r.checkpoint(0)
		moved.Position = r.stream.PutTo(r.shard(0), "k", "skipped")
		if _, err := r.store.Save(r.Context(), esm.Key{Mapping: "m", Shard: r.shard(0)}, moved); err != nil {
			r.Fatal(err)
		}
		for i := range 2 {
			r.stream.PutTo(r.shard(i), "k", "second")
			r.Wait(time.Minute)
		}
		if a, b := r.stream.Opens(r.shard(0)), r.stream.Opens(r.shard(1)); a != 2 || b != 1 {
			r.Errorf("the shards were opened %d and %d times, want 2 and 1", a, b)
		}
		if !r.settled(0) || !r.settled(1) {
			r.Errorf("positions %+v and %+v", r.checkpoint(0), r.checkpoint(1))
		}
		r.WantCalls("first", "first", "skipped-second", "second", "second") // the last is of the other shard
		for _, e := range enginetest.Events[trace.Failing](r.Rig) {
			if e.Shard != r.shard(0) {
				r.Errorf("shard %q failed: %v", e.Shard, e.Err)
			}
		}
	})
}

// One shard can be stopped, when what it has in hand is settled, and started again.
func TestStopOneShard(t *testing.T) {
	bubble(t, sourcetest.StreamConfig{Shards: 2}, enginetest.Takes(10*time.Second), func(r *rig) {
		put := func() {
			for i := range 2 {
				r.stream.PutTo(r.shard(i), "k", fmt.Sprint("of ", i))
			}
		}
		ctx, cancel := context.WithCancel(r.Context())
		listing, kept, err := r.feed.pin(ctx, func() {})
		if err != nil {
			r.Fatal(err)
		}
		s := newSet(r.feed, listing, kept)
		put()
		s.plan(ctx, r.Context(), listing.Shards)
		r.Wait(time.Second)
		began := time.Now()
		if err := s.stop(r.shard(0)); err != nil {
			r.Error(err)
		}
		if took := time.Since(began); took != 9*time.Second || !r.settled(0) || s.kept[r.shard(0)].Position != r.checkpoint(0).Position {
			r.Errorf("stopped after %v at %+v", took, s.kept[r.shard(0)])
		}
		put()
		r.Wait(time.Minute)
		if r.settled(0) || !r.settled(1) || r.stream.Readers(r.shard(0)) != 0 {
			r.Error("the stopped shard is read, or the other is not")
		}
		s.plan(ctx, r.Context(), listing.Shards)
		r.Wait(time.Minute)
		if !r.settled(0) || r.stream.Opens(r.shard(1)) != 1 {
			r.Error("the stopped shard was not started again, or the other was")
		}
		cancel()
		s.stopAll()
		if len(s.running) > 0 {
			r.Errorf("%d shards run", len(s.running))
		}
	})
}

// Hundreds of closed shards are read one generation after another, without a listing for each.
func TestClosedShardsShareListings(t *testing.T) {
	bubble(t, sourcetest.StreamConfig{}, enginetest.Succeed, func(r *rig) {
		var want []string
		last := r.shard(0)
		for i := range 300 {
			want = append(want, fmt.Sprint(i))
			r.stream.Put("key", want[i])
			last = r.stream.Roll(last)
		}
		began := time.Now()
		r.start()
		for len(r.Function.Calls()) < len(want) && time.Since(began) < time.Hour {
			r.Wait(time.Second)
		}
		if most := 2 + int(time.Since(began)/relistAfter); r.stream.Lists() > most {
			r.Errorf("listed %d times, want at most %d times", r.stream.Lists(), most)
		}
		r.WantCalls(want...)
	})
}

func TestStartAfter(t *testing.T) {
	for n, want := range map[int]time.Duration{1: 0, startAtOnce: 0, startAtOnce + 1: betweenStart, startAtOnce + 50: 50 * betweenStart} {
		if got := startAfter(n); got != want {
			t.Errorf("shard %d starts after %v, want %v", n, got, want)
		}
	}
}
