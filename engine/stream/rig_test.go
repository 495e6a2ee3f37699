package stream

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/esm-run/esm"
	"github.com/esm-run/esm/checkpoint/checkpointtest"
	"github.com/esm-run/esm/config"
	"github.com/esm-run/esm/engine/enginetest"
	"github.com/esm-run/esm/engine/policy"
	"github.com/esm-run/esm/sources/sourcetest"
	"github.com/esm-run/esm/trace"
)

// rig is a Feed with a stream and a store in memory. It is the Feed's destination.
type rig struct {
	*enginetest.Rig
	stream *sourcetest.Stream
	store  *checkpointtest.Memory
	feed   *Feed

	mu      sync.Mutex
	notices []esm.Notice
}

// bubble runs test with a feed that starts with the oldest record and retries without limit, which test may alter and start.
func bubble(t *testing.T, stream sourcetest.StreamConfig, handler enginetest.Handler, test func(*rig)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		t.Helper()
		r := newRig(t, stream, handler)
		defer r.Close()
		test(r)
	})
}

func newRig(t *testing.T, stream sourcetest.StreamConfig, handler enginetest.Handler) *rig {
	r := &rig{Rig: enginetest.New(t, handler), stream: sourcetest.NewStream(stream), store: &checkpointtest.Memory{}}
	r.feed = &Feed{
		Mapping: "m", Function: "f", Stream: r.stream, Checkpoints: r.store, Invoker: r.Function, Destination: r, Trace: r.Trace,
		Shards: policy.Shards{Start: config.TrimHorizon}, Rules: policy.Stream{MaxRetries: -1},
	}
	return r
}

// Send implements [esm.Destination].
func (r *rig) Send(_ context.Context, n esm.Notice) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.notices = append(r.notices, n)
	return nil
}

func (r *rig) start() { r.Start(r.feed) }

// runFor starts the feed and lets d pass.
func (r *rig) runFor(d time.Duration) {
	r.start()
	r.Wait(d)
}

// crash ends the feed at once and loses what is not durable.
func (r *rig) crash() {
	r.Stop()
	r.Kill()
	<-r.Ended
	r.store = r.store.Reopen()
	r.feed.Checkpoints = r.store
}

// put puts n records called 1, 2 and so on.
func (r *rig) put(n int) {
	for i := range n {
		r.stream.Put("key", fmt.Sprint(i+1))
	}
}

// shard returns the ID of the nth shard, and checkpoint what is saved of it.
func (r *rig) shard(n int) string { return r.stream.Shards()[n] }

func (r *rig) checkpoint(n int) esm.Checkpoint {
	r.Helper()
	all, err := r.store.All(r.Context(), "m")
	if err != nil {
		r.Fatal(err)
	}
	return all[r.shard(n)]
}

// settled reports whether every record of the nth shard is settled.
func (r *rig) settled(n int) bool {
	recs := r.stream.Records(r.shard(n))
	return r.checkpoint(n).Position == recs[len(recs)-1].Receipt
}

// wantNotice fails the test unless there was one notice, about this many records after this many tries.
func (r *rig) wantNotice(why esm.Condition, size, invokes int) {
	r.Helper()
	if len(r.notices) != 1 || r.notices[0].Condition != why || r.notices[0].Stream.Size != size || r.notices[0].Invokes != invokes {
		r.Errorf("notices %+v, want one about %d records: %s after %d tries", r.notices, size, why, invokes)
	}
}

// wantLost fails the test unless it was reported once, and for this reason, that records may be lost or repeated.
func (r *rig) wantLost(why error) {
	r.Helper()
	var lost []error
	for _, e := range enginetest.Events[trace.Reading](r.Rig) {
		if e.Lost != nil {
			lost = append(lost, e.Lost)
		}
	}
	if len(lost) != 1 || !isOrNil(lost[0], why) {
		r.Errorf("reported as lost: %v, want %v once", lost, why)
	}
}
