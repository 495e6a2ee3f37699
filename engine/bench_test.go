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
	"github.com/esm-run/esm/sources/sourcetest"
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
func shardsOf(b *testing.B, stream esm.Stream, trace esm.Trace) *StreamFeed {
	b.Helper()
	db, err := checkpoint.Open(filepath.Join(b.TempDir(), "checkpoints.db"))
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { db.Close() })
	return &StreamFeed{
		Mapping: "m", Function: "f", Stream: stream, Checkpoints: db, Invoker: willing{},
		Shards: policy.Shards{Start: policy.TrimHorizon}, Rules: policy.Stream{MaxRetries: -1},
		Batching: policy.Batching{Size: 100}, Trace: trace,
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

// BenchmarkIdleShards is 10,000 shards that have nothing, polled every second: what each takes of memory, without what a
// source needs for it, and what all take of one core.
func BenchmarkIdleShards(b *testing.B) {
	stream := sourcetest.NewStream(sourcetest.StreamConfig{Shards: manyShards})
	before := inUse()
	var polls atomic.Int64
	feed := shardsOf(b, stream, func(e esm.Event) {
		if _, ok := e.(esm.Received); ok {
			polls.Add(1)
		}
	})
	end := runs(feed)
	for polls.Load() < 2*manyShards {
		time.Sleep(10 * time.Millisecond)
	}
	for b.Loop() {
		b.ReportMetric(float64(inUse()-before)/manyShards/1024, "KB/shard")
	}
	end()
}

// BenchmarkRestart starts with 10,000 shards whose positions are kept: how long after the listing the first shard is
// polled, and until all have been.
func BenchmarkRestart(b *testing.B) {
	stream := sourcetest.NewStream(sourcetest.StreamConfig{Shards: manyShards})
	last := map[string]string{}
	for i := 0; len(last) < manyShards; i++ {
		shard, position := stream.Put(fmt.Sprint(i), "x")
		last[shard] = position
	}
	w := &watched{Stream: stream}
	var settled atomic.Int64
	all := make(chan bool)
	feed := shardsOf(b, w, nil)
	total := 0
	for _, shard := range stream.Shards() {
		total += len(stream.Records(shard))
	}
	feed.Trace = func(e esm.Event) {
		if e, ok := e.(esm.Settled); ok && settled.Add(int64(len(e.Records))) == int64(total) {
			close(all)
		}
	}
	end := runs(feed)
	<-all
	end()
	feed.Trace = nil
	var first, last10k time.Duration
	for b.Loop() {
		w.reset()
		end := runs(feed)
		f, l := w.polled()
		first, last10k = max(first, f), max(last10k, l)
		end()
	}
	b.ReportMetric(float64(first.Microseconds())/1000, "first-poll-ms")
	b.ReportMetric(float64(last10k.Microseconds())/1000, "all-polled-ms")
}

// watched is a stream that notes when it was listed, and when shards were read after that.
type watched struct {
	esm.Stream

	mu            sync.Mutex
	listed, first time.Time
	polls         int
	all           chan time.Time
}

func (w *watched) reset() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.listed, w.first, w.polls, w.all = time.Time{}, time.Time{}, 0, make(chan time.Time, 1)
}

// polled waits until all shards were read, and tells when the first was and the last, counted from the listing.
func (w *watched) polled() (first, last time.Duration) {
	end := <-w.all
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.first.Sub(w.listed), end.Sub(w.listed)
}

func (w *watched) List(ctx context.Context) (esm.Listing, error) {
	listing, err := w.Stream.List(ctx)
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.listed.IsZero() {
		w.listed = time.Now()
	}
	return listing, err
}

func (w *watched) Open(ctx context.Context, shard string, from esm.From) (esm.Reader, error) {
	r, err := w.Stream.Open(ctx, shard, from)
	if err != nil {
		return nil, err
	}
	return &watchedReader{Reader: r, stream: w}, nil
}

type watchedReader struct {
	esm.Reader
	stream *watched
	read   bool
}

func (r *watchedReader) Read(ctx context.Context, limit int) ([]esm.Record, error) {
	if !r.read {
		r.read = true
		r.stream.poll()
	}
	return r.Reader.Read(ctx, limit)
}

func (w *watched) poll() {
	w.mu.Lock()
	defer w.mu.Unlock()
	now := time.Now()
	if w.polls++; w.polls == 1 {
		w.first = now
	}
	if w.polls == manyShards && w.all != nil {
		w.all <- now
	}
}
