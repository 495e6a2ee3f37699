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
	"github.com/esm-run/esm/config"
	"github.com/esm-run/esm/engine/policy"
	"github.com/esm-run/esm/engine/retry"
)

const manyShards = 10_000

// idle is a stream of many shards without records, each polled once a second. It is also a function that is never invoked.
type idle struct {
	esm.Invoker
	shards []esm.Shard
	polls  atomic.Int64
}

func newIdle() *idle {
	s := &idle{}
	for i := range manyShards {
		s.shards = append(s.shards, esm.Shard{ID: fmt.Sprintf("shardId-%012d", i)})
	}
	return s
}

func (s *idle) List(context.Context) (esm.Listing, error) {
	return esm.Listing{Identity: "life-1", Shards: s.shards}, nil
}

func (s *idle) Open(context.Context, string, esm.From) (esm.Reader, error) {
	return idleReader{s}, nil
}

type idleReader struct{ stream *idle }

func (r idleReader) Read(ctx context.Context, _ int) ([]esm.Record, error) {
	if r.stream.polls.Add(1) > manyShards { // the first poll of each shard returns at once
		retry.Sleep(ctx, time.Second)
	}
	return nil, ctx.Err()
}

func (idleReader) Close() {}

// run reads the stream until end is called, with positions in db.
func (s *idle) run(db *checkpoint.DB) (end func()) {
	feed := &Feed{
		Mapping: "m", Function: "f", Stream: s, Checkpoints: db, Invoker: s,
		Shards: policy.Shards{Start: config.TrimHorizon}, Rules: policy.Stream{MaxRetries: -1},
	}
	ctx, stop := context.WithCancel(context.Background())
	var ended sync.WaitGroup
	ended.Go(func() { feed.Run(ctx, context.Background(), func() {}) })
	return func() {
		stop()
		ended.Wait()
	}
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
	db, err := checkpoint.Open(filepath.Join(b.TempDir(), "checkpoints.db"))
	if err != nil {
		b.Fatal(err)
	}
	defer db.Close()
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
