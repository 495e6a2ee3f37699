package observe

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/esm-run/esm"
	"github.com/esm-run/esm/checkpoint/checkpointtest"
	"github.com/esm-run/esm/config"
	"github.com/esm-run/esm/engine/policy"
	"github.com/esm-run/esm/engine/stream"
	"github.com/esm-run/esm/sources/sourcetest"
	"github.com/esm-run/esm/trace"
)

// moody is a function that fails while its event holds the key "bad", and otherwise does nothing. It is its own permit.
type moody struct{}

func (moody) Reserve(context.Context, string) (esm.Slot, error) { return moody{}, nil }
func (moody) Release()                                          {}

func (moody) Invoke(_ context.Context, c esm.Call) (esm.Response, error) {
	if strings.Contains(string(c.Payload), `"bad"`) {
		return esm.Response{Payload: []byte(`{"errorMessage":"boom"}`), Fault: "Unhandled", Status: 200}, nil
	}
	return esm.Response{Payload: []byte("null"), Status: 200}, nil
}

// nowhere is a destination that takes nothing. It tells what a kept notice would.
type nowhere struct{ trace trace.Func }

func (d nowhere) Send(_ context.Context, n esm.Notice) error {
	d.trace(trace.Notified{Mapping: n.Mapping, Shard: n.Stream.Shard, Destination: "arn:d", Records: n.Stream.Size, Err: errRefused})
	return nil
}

// watched runs a feed of the mapping clicks until look returns.
func watched(t *testing.T, source *sourcetest.Stream, rules policy.Stream, look func(*Monitor)) {
	t.Helper()
	mapping := clicks
	mapping.Destination = "arn:d"
	m := NewMonitor([]Mapping{mapping}, nil)
	trace := trace.Func(m.Trace)
	feed := &stream.Feed{
		Mapping: uuid, Function: "count", Stream: source, Checkpoints: &checkpointtest.Memory{}, Invoker: moody{}, Destination: nowhere{trace},
		Batching: policy.Batching{Size: 10}, Shards: policy.Shards{Start: config.TrimHorizon}, Rules: rules, Trace: trace,
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		feed.Run(ctx, t.Context(), func() {})
	}()
	look(m)
	stop()
	<-ended
}

func wait(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

// What the engine tells of a poisoned shard becomes a blocked one on the board, until it is given up.
func TestStatusOfAFeed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		stream := sourcetest.NewStream(sourcetest.StreamConfig{Shards: 2})
		poisoned, healthy := stream.Shards()[0], stream.Shards()[1]
		for range 4 {
			stream.PutTo(poisoned, "bad", "x")
			stream.PutTo(healthy, "good", "x")
		}
		began := time.Now()
		watched(t, stream, policy.Stream{MaxRetries: 8}, func(m *Monitor) {
			wait(10 * time.Second)
			got := of(t, m)
			first := got.Shards[0]
			if first.ShardId != poisoned || first.State != "Blocked" || first.Tries < 3 || !strings.Contains(text(first.LastError), "boom") {
				t.Errorf("got %+v, want %s blocked by boom", first, poisoned)
			}
			if first.BlockedSince.Sub(began) > 2*time.Second || first.IteratorAge < 5*time.Second {
				t.Errorf("blocked since %v, age %v", first.BlockedSince.Sub(began), first.IteratorAge)
			}
			if second := got.Shards[1]; second.State != "Reading" || second.Position == "" || second.IteratorAge != 0 {
				t.Errorf("got %+v, want it at the tip", second)
			}
			if got.ShardsBlocked != 1 || got.ShardsReading != 2 || got.ShardsListed != 2 || got.Settled != 4 {
				t.Errorf("got %+v", *got.StreamStatus)
			}
			wait(10 * time.Minute)
			got = of(t, m)
			if got.ShardsBlocked != 0 || got.Settled != 8 || got.Dropped != 4 || got.Undelivered != 1 || got.InFlight != 0 || got.IteratorAge != 0 {
				t.Errorf("in the end: %+v", *got.StreamStatus)
			}
			checkMetrics(t, "in the end", m, map[string]float64{
				"esm_shards_blocked": 0, "esm_dropped_events_total": 4, "esm_settled_events_total": 8, "esm_iterator_age_seconds": 10,
				"esm_polled_events_total": 8, "esm_destination_delivery_failures_total": 1, "esm_batches_in_flight": 0,
			})
		})
	})
}
