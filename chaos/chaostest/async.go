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

// asyncWorld is a store of events, a function with its destinations, and the feed between them. The seed chooses everything.
type asyncWorld struct {
	dice     *rand.Rand // used by run alone
	events   *checkpointtest.MemoryEvents
	store    *chaos.Store
	function *function
	invoker  *chaos.Invoker
	target   policy.Target
	feed     *async.Feed
	recorder *chaos.Recorder
	faults   *chaos.Injector
	limits   chaos.Limits

	mu     sync.Mutex
	delays *rand.Rand // of the feed
	sent   int        // events
}

// Async simulates the feed of asynchronous events until all of them have ended. It must be called in a synctest bubble.
func Async(seed uint64, o Options) Result {
	w := newAsyncWorld(seed, o)
	w.run()
	h := w.recorder.History()
	return Result{Seed: seed, Setup: w.String(), History: h, Verdict: chaos.Check(h)}
}

func newAsyncWorld(seed uint64, o Options) *asyncWorld {
	w := &asyncWorld{
		dice: rand.New(rand.NewPCG(seed, 15)), delays: rand.New(rand.NewPCG(seed, 16)),
		events: &checkpointtest.MemoryEvents{}, recorder: &chaos.Recorder{},
	}
	rates := drawRates(w.dice)
	if o.Faults != nil {
		rates = o.Faults
	}
	w.faults = &chaos.Injector{
		Seed: seed, Rates: rates, Until: time.Now().Add(faultsFor), Only: o.Only, Recorder: w.recorder,
	}
	w.store = &chaos.Store{Store: &checkpointtest.Memory{}, Faults: w.faults}
	permits, retries := pick(w.dice, 0, 1, 3), w.dice.IntN(3)
	w.function = newFunction(seed, permits, 4*time.Second)
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
	w.limits = chaos.Limits{Concurrency: permits, Tries: retries + 1}
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

// run accepts events in three waves, stops or kills the engine after some of them, and then lets everything end.
func (w *asyncWorld) run() {
	e := w.start()
	for range 3 {
		w.accept(1 + w.dice.IntN(20))
		time.Sleep(time.Duration(w.dice.Int64N(int64(40 * time.Second))))
		if grace, hit := stops(w.faults); hit {
			e.end(grace)
			time.Sleep(time.Duration(w.dice.Int64N(int64(10 * time.Second))))
			e = w.start()
		}
	}
	limit := w.faults.Until.Add(settlesFor)
	for time.Now().Before(limit) && w.pending() {
		time.Sleep(10 * time.Second)
	}
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
		time.Sleep(time.Duration(w.dice.Int64N(int64(50 * time.Millisecond))))
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
