package chaostest

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/esm-run/esm"
	"github.com/esm-run/esm/chaos"
	"github.com/esm-run/esm/checkpoint/checkpointtest"
	"github.com/esm-run/esm/config"
	"github.com/esm-run/esm/engine/async"
	"github.com/esm-run/esm/engine/policy"
)

// asyncWorld is a store of events, a function with its destinations, and the feed between them.
type asyncWorld struct {
	world
	events  *checkpointtest.MemoryEvents
	store   *chaos.Store
	invoker *chaos.Invoker
	target  policy.Target
	feed    *async.Feed

	mu     sync.Mutex
	delays *rand.Rand // of the feed
	sent   int        // events
}

// Async simulates the feed of asynchronous events until all of them have ended. It must be called in a synctest bubble.
func Async(seed uint64, o Options) Result {
	w := newAsyncWorld(seed, o)
	w.run()
	return w.result(w.String())
}

func newAsyncWorld(seed uint64, o Options) *asyncWorld {
	w := &asyncWorld{
		world: newWorld(seed, 15, o, 0, 1, 3), delays: rand.New(rand.NewPCG(seed, 16)), events: &checkpointtest.MemoryEvents{},
	}
	w.store = &chaos.Store{Store: &checkpointtest.Memory{}, Faults: w.faults}
	retries := w.dice.IntN(3)
	w.invoker = &chaos.Invoker{
		Invoker: w.function, Faults: w.faults, Timeout: time.Duration(1+w.dice.IntN(20)) * time.Second, Late: 20 * time.Second,
	}
	w.target = policy.Target{Exists: true, Arn: "arn:aws:lambda:eu-west-1:123456789012:function:f:$LATEST"}
	w.target.Config.MaximumRetryAttempts = &retries
	w.target.Config.DestinationConfig.OnFailure.Destination = "arn:aws:sqs:eu-west-1:123456789012:failed"
	if w.dice.IntN(2) == 0 {
		w.target.Config.DestinationConfig.OnSuccess.Destination = "arn:aws:sqs:eu-west-1:123456789012:done"
	}
	if w.dice.IntN(2) == 0 {
		w.target.DeadLetter = "arn:aws:sqs:eu-west-1:123456789012:dead"
	}
	w.limits = chaos.Limits{Concurrency: w.permits, Tries: retries + 1}
	return w
}

// start runs a new feed on the store: a feed runs once.
func (w *asyncWorld) start() *running {
	w.feed = &async.Feed{
		Events: &chaos.Events{Events: w.events, Faults: w.faults}, Invoker: w.invoker, Undelivered: w.store,
		Target: func(string) policy.Target { return w.target },
		Open: func(context.Context, string, config.Origin) (esm.Destination, error) {
			return &chaos.Destination{Destination: accepting{}, Faults: w.faults}, nil
		},
		Dice: w.delay, Trace: w.recorder.Trace,
	}
	return start(w.feed, w.recorder)
}

func (w *asyncWorld) delay() float64 {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.delays.Float64()
}

// run accepts events in three waves, and then lets everything end.
func (w *asyncWorld) run() {
	e := w.waves(w.start, func() { w.accept(1 + w.dice.IntN(20)) })
	w.settle(10*time.Second, func() bool { return !w.pending() })
	pending := w.pending()
	ended := e.end(time.Hour)
	w.recorder.Finish(func(h *chaos.History) {
		h.Complete, h.Limits = true, w.limits
		h.Held = held(w.function, ended)
		if pending {
			h.Held = append(h.Held, "events or owed notices in the store")
		}
	})
}

// accept accepts events, a few milliseconds apart. Callers do not repeat what was not accepted.
func (w *asyncWorld) accept(n int) {
	for range n {
		w.sent++
		e := esm.Event{
			ID: fmt.Sprintf("00000000-0000-4000-8000-%012d", w.sent), Function: "f",
			Payload: json.RawMessage(fmt.Sprintf(`{"n":%d}`, w.sent)),
		}
		_ = w.feed.Accept(context.Background(), e) // what is accepted is traced
		w.sleep(50 * time.Millisecond)
	}
}

// pending reports whether the store has events or owed notices.
func (w *asyncWorld) pending() bool {
	backlogs, err := w.events.Backlogs(context.Background())
	if err != nil || len(backlogs) > 0 {
		return true
	}
	for range w.events.Owed(context.Background()) {
		return true
	}
	return false
}

// String describes the setup.
func (w *asyncWorld) String() string {
	t := w.target
	return fmt.Sprintf("asynchronous events; retries %d, destinations on success %t, dead letters %t; concurrency %d",
		*t.Config.MaximumRetryAttempts, t.Config.DestinationConfig.OnSuccess.Destination != "", t.DeadLetter != "", w.limits.Concurrency)
}
