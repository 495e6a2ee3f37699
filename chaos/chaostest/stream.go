package chaostest

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/esm-run/esm"
	"github.com/esm-run/esm/chaos"
	"github.com/esm-run/esm/checkpoint/checkpointtest"
	"github.com/esm-run/esm/config"
	"github.com/esm-run/esm/engine/filter"
	"github.com/esm-run/esm/engine/policy"
	"github.com/esm-run/esm/engine/stream"
	"github.com/esm-run/esm/sources/sourcetest"
)

// streamWorld is a stream, a store, a destination, a function and the feed between them.
type streamWorld struct {
	world
	stream   *sourcetest.Stream
	feed     *stream.Feed
	filtered bool
}

// Stream simulates the feed of a stream, whose shards are split and merged, until everything has settled. It must be called
// in a synctest bubble.
func Stream(seed uint64, o Options) Result {
	w := newStreamWorld(seed, o)
	w.run()
	return w.result(w.String())
}

func newStreamWorld(seed uint64, o Options) *streamWorld {
	w := &streamWorld{world: newWorld(seed, 14, o, 0, 1, 2)}
	w.stream = sourcetest.NewStream(sourcetest.StreamConfig{
		Shards: 1 + w.dice.IntN(3), EmptyEvery: pick(w.dice, 0, 3), Lag: time.Duration(w.dice.IntN(3)) * time.Second,
	})
	w.newFeed()
	return w
}

func (w *streamWorld) newFeed() {
	report := w.dice.IntN(2) == 0
	store := &chaos.Store{Store: &checkpointtest.Memory{}, Faults: w.faults}
	f := &stream.Feed{
		Mapping: mapping, Function: "f", Report: report, Trace: w.recorder.Trace,
		Stream:      &distant{&chaos.Stream{Stream: w.stream, Faults: w.faults, Reshard: w.reshard}, w.seed},
		Checkpoints: store,
		Invoker: &chaos.Invoker{
			Invoker: w.function, Faults: w.faults, Report: report, Stream: true,
			Timeout: time.Duration(1+w.dice.IntN(20)) * time.Second, Late: 20 * time.Second,
		},
		Destination: &keeping{to: &chaos.Destination{Destination: accepting{}, Faults: w.faults}, store: store},
		Batching:    policy.Batching{Size: 1 + w.dice.IntN(12), Window: pick(w.dice, 0, 0, 5*time.Second)},
		Shards:      policy.Shards{Start: config.TrimHorizon},
		Rules: policy.Stream{
			MaxRetries: pick(w.dice, -1, 0, 2, 5), MaxAge: pick(w.dice, 0, 0, time.Minute), Bisect: w.dice.IntN(2) == 0,
		},
		Lanes: pick(w.dice, 1, 1, 2, 10),
	}
	if w.filtered = w.dice.IntN(3) == 0; w.filtered {
		f.Filter = noUnwanted
	}
	w.limits = chaos.Limits{Concurrency: w.permits, Batch: f.Batching.Size, Tries: f.Rules.MaxRetries + 1}
	w.feed = f
}

const unwantedKey = "unwanted"

var noUnwanted = func() *filter.Filter {
	f, err := filter.Compile([]string{`{"partitionKey":[{"anything-but":["` + unwantedKey + `"]}]}`}, "")
	if err != nil {
		panic(err) // the pattern is a constant
	}
	return f
}()

// reshard splits, merges or rolls over a shard.
func (w *streamWorld) reshard(dice *rand.Rand) {
	shards := w.stream.Shards()
	if len(shards) > 8 {
		return
	}
	a, b := pick(dice, shards...), pick(dice, shards...)
	switch dice.IntN(3) {
	case 0:
		w.stream.Split(a)
	case 1:
		w.stream.Merge(a, b)
	case 2:
		w.stream.Roll(a)
	}
}

// run puts records in three waves, and then lets everything settle.
func (w *streamWorld) run() {
	e := w.waves(func() *running { return start(w.feed, w.recorder) }, func() {
		w.put(1 + w.dice.IntN(15))
		if w.dice.IntN(2) == 0 {
			w.reshard(w.dice)
		}
		w.put(1 + w.dice.IntN(10))
	})
	w.settle(10*time.Second, func() bool { return len(chaos.Unsettled(w.recorder.History())) == 0 })
	ended := e.end(time.Hour)
	w.recorder.Finish(func(h *chaos.History) {
		h.Complete, h.Limits = true, w.limits
		h.Held = held(w.function, ended)
		for _, shard := range w.stream.Shards() {
			if n := w.stream.Readers(shard); n != 0 {
				h.Held = append(h.Held, fmt.Sprintf("%d readers of %s", n, shard))
			}
		}
	})
}

// put puts marked records, a few milliseconds apart. Without lanes the order is that of the shard, and otherwise that of the
// key.
func (w *streamWorld) put(n int) {
	for range n {
		key := fmt.Sprint("key-", w.dice.IntN(6))
		unwanted := w.filtered && w.dice.IntN(4) == 0
		if unwanted {
			key = unwantedKey
		}
		now := time.Now()
		shard, id := w.stream.Put(key, "{}")
		rec := chaos.Record{ID: id, Shard: shard, At: now, Unwanted: unwanted}
		if w.feed.Lanes > 1 {
			rec.Group = key
		}
		w.recorder.Sent(rec)
		w.sleep(50 * time.Millisecond)
	}
}

// String describes the setup.
func (w *streamWorld) String() string {
	f := w.feed
	return fmt.Sprintf("stream; batches of %d, window %s, lanes %d, retries %d, age %s, bisect %t, reports %t, filter %t; concurrency %d",
		f.Batching.Size, f.Batching.Window, f.Lanes, f.Rules.MaxRetries, f.Rules.MaxAge, f.Rules.Bisect, f.Report, w.filtered,
		w.limits.Concurrency)
}

// accepting is a destination that takes everything.
type accepting struct{}

func (accepting) Send(context.Context, esm.Notice) error { return nil }

// keeping tries a destination a few times and then stores the notice, as package destinations does.
type keeping struct {
	to    esm.Destination
	store esm.Undelivered
}

// Send implements [esm.Destination].
func (k *keeping) Send(ctx context.Context, n esm.Notice) (err error) {
	for range 3 {
		if err = k.to.Send(ctx, n); err == nil {
			return nil
		}
		if errors.Is(err, esm.ErrUndeliverable) {
			break
		}
	}
	return k.store.Keep(ctx, n, "arn:aws:sqs:eu-west-1:123456789012:notices", err.Error())
}
