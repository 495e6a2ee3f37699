package engine

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
)

const manyShards = 10_000

// willing is a function that does nothing, at once.
type willing struct{}

func (willing) Reserve(context.Context, string) (esm.Slot, error) { return willing{}, nil }
func (willing) Invoke(context.Context, esm.Call) (esm.Response, error) {
	return esm.Response{Status: 200}, nil
}
func (willing) Release() {}

// shardsOf keeps positions in a file, as a mapping of a stream does that had been seen before.
func shardsOf(b *testing.B, stream esm.Stream) *StreamFeed {
	b.Helper()
	db, err := checkpoint.Open(filepath.Join(b.TempDir(), "checkpoints.db"))
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { db.Close() })
	return &StreamFeed{
		Mapping: "m", Function: "f", Stream: stream, Checkpoints: db, Invoker: willing{},
		Shards: policy.Shards{Start: policy.TrimHorizon}, Rules: policy.Stream{MaxRetries: -1},
	}
}

// runs runs a feed until it is told to end.
func runs(f *StreamFeed) (end func()) {
	ctx, stop := context.WithCancel(context.Background())
	var ended sync.WaitGroup
	ended.Go(func() { f.Run(ctx, context.Background()) })
	return func() {
		stop()
		ended.Wait()
	}
}

// inUse is the memory of this process that is in use, in bytes: stacks and what is on the heap.
func inUse() uint64 {
	runtime.GC()
	runtime.GC() // what a finalizer held
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.StackInuse + m.HeapInuse
}

// still is a stream of many shards that have nothing, each polled every second. It notes when it was listed first, and
// when shards were first read.
type still struct {
	shards []esm.Shard
	polls  atomic.Int64

	mu          sync.Mutex
	listed      time.Time
	first, last time.Time // of the first reads of shards
	reading     int
	all         chan bool // closed when all shards have been read
}

func newStill() *still {
	s := &still{all: make(chan bool)}
	for i := range manyShards {
		s.shards = append(s.shards, esm.Shard{ID: fmt.Sprintf("shardId-%012d", i)})
	}
	return s
}

func (s *still) List(context.Context) (esm.Listing, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.listed.IsZero() {
		s.listed = time.Now()
	}
	return esm.Listing{Identity: "life-1", Shards: s.shards}, nil
}

func (s *still) Open(context.Context, string, esm.From) (esm.Reader, error) {
	return &stillReader{stream: s}, nil
}

type stillReader struct {
	stream *still
	read   bool
}

func (r *stillReader) Read(ctx context.Context, _ int) ([]esm.Record, error) {
	r.stream.polls.Add(1)
	if !r.read {
		r.read = true
		r.stream.begun()
		return nil, nil
	}
	sleep(ctx, time.Second)
	return nil, ctx.Err()
}

func (r *stillReader) Close() {}

func (s *still) begun() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.last = time.Now()
	if s.reading++; s.reading == 1 {
		s.first = s.last
	}
	if s.reading == manyShards {
		close(s.all)
	}
}

// BenchmarkIdleShards is 10,000 shards that have nothing: what each takes of memory, without what its source needs.
func BenchmarkIdleShards(b *testing.B) {
	for b.Loop() {
		stream := newStill()
		feed := shardsOf(b, stream)
		before := inUse()
		end := runs(feed)
		for stream.polls.Load() < 3*manyShards {
			time.Sleep(10 * time.Millisecond)
		}
		b.ReportMetric(float64(inUse()-before)/manyShards/1024, "KB/shard")
		end()
	}
}

// BenchmarkRestart starts with 10,000 shards whose positions are kept: how long after the listing the first shard is
// polled, and until all have been.
func BenchmarkRestart(b *testing.B) {
	first := newStill()
	feed := shardsOf(b, first)
	var saves sync.WaitGroup
	keep := func(shard, position string) {
		saves.Go(func() {
			if _, err := feed.Checkpoints.Save(b.Context(), esm.Key{Mapping: "m", Shard: shard}, esm.Checkpoint{Position: position}); err != nil {
				b.Error(err)
			}
		})
	}
	keep("", "life-1")
	for _, shard := range first.shards {
		keep(shard.ID, "49660123456789012345678901234567890123456789012345678914")
	}
	saves.Wait()
	var slowest, all time.Duration
	for b.Loop() {
		stream := newStill()
		feed.Stream = stream
		end := runs(feed)
		<-stream.all
		slowest, all = max(slowest, stream.first.Sub(stream.listed)), max(all, stream.last.Sub(stream.listed))
		end()
	}
	b.ReportMetric(float64(slowest.Microseconds())/1000, "first-poll-ms")
	b.ReportMetric(float64(all.Microseconds())/1000, "all-polled-ms")
}
