package stream

import (
	"context"
	"fmt"
	"path/filepath"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/esm-run/esm"
	"github.com/esm-run/esm/checkpoint"
	"github.com/esm-run/esm/engine/policy"
	"github.com/esm-run/esm/engine/retry"
)

const manyShards = 10_000

// idle is a stream of many shards without records, each polled once a second. It is also a function that is never invoked.
type idle struct {
	esm.Invoker
	shards []esm.Shard
	polls  atomic.Int64

	mu                  sync.Mutex
	listed, first, last time.Time // the first listing, and the first and the last of the first polls of shards
	polled              int       // the number of shards that were polled
	all                 chan struct{}
}

func newIdle() *idle {
	s := &idle{all: make(chan struct{})}
	for i := range manyShards {
		s.shards = append(s.shards, esm.Shard{ID: fmt.Sprintf("shardId-%012d", i)})
	}
	return s
}

func (s *idle) List(context.Context) (esm.Listing, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.listed.IsZero() {
		s.listed = time.Now()
	}
	return esm.Listing{Identity: "life-1", Shards: s.shards}, nil
}

func (s *idle) Open(context.Context, string, esm.From) (esm.Reader, error) {
	return &idleReader{stream: s}, nil
}

type idleReader struct {
	stream *idle
	polled bool
}

func (r *idleReader) Read(ctx context.Context, _ int) ([]esm.Record, error) {
	r.stream.polls.Add(1)
	if r.polled {
		retry.Sleep(ctx, time.Second)
		return nil, ctx.Err()
	}
	r.polled = true
	s := r.stream
	s.mu.Lock()
	defer s.mu.Unlock()
	s.last = time.Now()
	if s.polled++; s.polled == 1 {
		s.first = s.last
	}
	if s.polled == manyShards {
		close(s.all)
	}
	return nil, nil
}

func (r *idleReader) Close() {}

// run reads the stream until end is called, with positions in db.
func (s *idle) run(db *checkpoint.DB) (end func()) {
	feed := &Feed{
		Mapping: "m", Function: "f", Stream: s, Checkpoints: db, Invoker: s,
		Shards: policy.Shards{Start: policy.TrimHorizon}, Rules: policy.Stream{MaxRetries: -1},
	}
	ctx, stop := context.WithCancel(context.Background())
	var ended sync.WaitGroup
	ended.Go(func() { feed.Run(ctx, context.Background(), func() {}) })
	return func() {
		stop()
		ended.Wait()
	}
}

func openStore(b *testing.B) *checkpoint.DB {
	b.Helper()
	db, err := checkpoint.Open(filepath.Join(b.TempDir(), "checkpoints.db"))
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { db.Close() })
	return db
}

// inUse returns the memory of this process that is in use, in bytes: stacks and heap.
func inUse() uint64 {
	runtime.GC()
	runtime.GC() // what a finalizer held
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.StackInuse + m.HeapInuse
}

// BenchmarkIdleShards measures the memory of each of 10,000 idle shards, without that of its source.
func BenchmarkIdleShards(b *testing.B) {
	db := openStore(b)
	for b.Loop() {
		stream := newIdle()
		before := inUse()
		end := stream.run(db)
		for stream.polls.Load() < 3*manyShards {
			time.Sleep(10 * time.Millisecond)
		}
		b.ReportMetric(float64(inUse()-before)/manyShards/1024, "KB/shard")
		end()
	}
}

// BenchmarkRestart starts with 10,000 shards that have positions. It measures how long after the listing the first shard is
// polled, and until all have been.
func BenchmarkRestart(b *testing.B) {
	db := openStore(b)
	var saves sync.WaitGroup
	save := func(shard, position string) {
		saves.Go(func() {
			if _, err := db.Save(b.Context(), esm.Key{Mapping: "m", Shard: shard}, esm.Checkpoint{Position: position}); err != nil {
				b.Error(err)
			}
		})
	}
	save("", "life-1")
	for _, shard := range newIdle().shards {
		save(shard.ID, "49660123456789012345678901234567890123456789012345678914")
	}
	saves.Wait()
	var first, all time.Duration
	for b.Loop() {
		stream := newIdle()
		end := stream.run(db)
		<-stream.all
		first, all = max(first, stream.first.Sub(stream.listed)), max(all, stream.last.Sub(stream.listed))
		end()
	}
	b.ReportMetric(float64(first.Microseconds())/1000, "first-poll-ms")
	b.ReportMetric(float64(all.Microseconds())/1000, "all-polled-ms")
}
