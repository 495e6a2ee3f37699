package chaostest

import (
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/esm-run/esm/chaos"
	"github.com/esm-run/esm/engine/filter"
	"github.com/esm-run/esm/engine/policy"
	"github.com/esm-run/esm/engine/queue"
	"github.com/esm-run/esm/sources/sourcetest"
)

// queueWorld is a queue, a function and a feed between them.
type queueWorld struct {
	world
	cfg      sourcetest.QueueConfig
	queue    *sourcetest.Queue
	feed     *queue.Feed
	filtered bool
}

// Queue simulates the feed of a queue until everything has settled. It must be called in a synctest bubble.
func Queue(seed uint64, o Options) Result {
	w := newQueueWorld(seed, o)
	w.run()
	return w.result(w.String())
}

func newQueueWorld(seed uint64, o Options) *queueWorld {
	w := &queueWorld{world: newWorld(seed, 12, o, 0, 1, 2, 4)}
	w.cfg = sourcetest.QueueConfig{
		Visibility:  time.Duration(2+w.dice.IntN(40)) * time.Second,
		FIFO:        w.dice.IntN(2) == 0,
		MaxReceives: pick(w.dice, 0, 0, 3, 10),
	}
	w.queue = sourcetest.NewQueue(w.cfg)
	w.newFeed()
	return w
}

func (w *queueWorld) newFeed() {
	report, limit := w.dice.IntN(2) == 0, pick(w.dice, 0, 2, 7)
	f := &queue.Feed{
		Mapping: mapping, Function: "f", Report: report, Trace: w.recorder.Trace,
		Queue: &network{
			queue: &chaos.Queue{Queue: w.queue, Faults: w.faults, Repeats: !w.cfg.FIFO},
			dice:  rand.New(rand.NewPCG(w.seed, 13)),
		},
		Invoker: &chaos.Invoker{
			Invoker: w.function, Faults: w.faults, Report: report, Ordered: w.cfg.FIFO,
			Timeout: time.Duration(1+w.dice.IntN(20)) * time.Second, Late: 2 * w.cfg.Visibility,
		},
		Batching: policy.Batching{Size: 1 + w.dice.IntN(10), MaxBytes: pick(w.dice, 0, 0, 1500)},
		PollWait: 2 * time.Second,
	}
	f.Pollers = policy.StandardPollers(limit, report)
	if w.cfg.FIFO {
		f.Pollers = policy.FIFOPollers(limit, report)
	} else if w.dice.IntN(2) == 0 {
		f.Batching.Window = time.Duration(1+w.dice.IntN(10)) * time.Second
		f.Batching.Size *= 3
	}
	if w.filtered = w.dice.IntN(3) == 0; w.filtered {
		f.Filter = wantedOnly
	}
	w.limits = chaos.Limits{Concurrency: least(w.permits, limit), Batch: f.Batching.Size, Deliveries: w.cfg.MaxReceives}
	w.feed = f
}

// least returns the lower of two limits, of which 0 is none.
func least(a, b int) int {
	if a == 0 || b == 0 {
		return max(a, b)
	}
	return min(a, b)
}

var wantedOnly = func() *filter.Filter {
	f, err := filter.Compile([]string{`{"body":{"wanted":[true]}}`}, "body")
	if err != nil {
		panic(err) // the pattern is a constant
	}
	return f
}()

// run sends records in three waves, and then lets everything settle.
func (w *queueWorld) run() {
	e := w.waves(func() *running { return start(w.feed, w.recorder) }, func() { w.send(1 + w.dice.IntN(25)) })
	w.settle(time.Second, func() bool { return w.queue.Len() == 0 })
	w.finish(e.end(time.Hour))
}

// send sends marked records, a few milliseconds apart.
func (w *queueWorld) send(n int) {
	for range n {
		group := ""
		if w.cfg.FIFO {
			group = pick(w.dice, "a", "b", "c")
		}
		wanted := !w.filtered || w.dice.IntN(4) > 0
		id := w.queue.Send(fmt.Sprintf(`{"group":%q,"wanted":%t}`, group, wanted), group)
		w.recorder.Sent(chaos.Record{ID: id, Group: group, At: time.Now(), Unwanted: !wanted})
		w.sleep(50 * time.Millisecond)
	}
}

func (w *queueWorld) finish(ended bool) {
	done := map[string]bool{}
	for _, id := range w.queue.Deleted() {
		done[id] = true
	}
	w.recorder.Finish(func(h *chaos.History) {
		h.Complete, h.Limits = true, w.limits
		for _, r := range w.queue.Dead() {
			h.Dead = append(h.Dead, r.ID)
			done[r.ID] = true
		}
		for _, r := range h.Sent {
			if !done[r.ID] {
				h.Remaining = append(h.Remaining, r.ID)
			}
		}
		h.Held = held(w.function, ended)
	})
}

// String describes the setup.
func (w *queueWorld) String() string {
	kind := "standard"
	if w.cfg.FIFO {
		kind = "FIFO"
	}
	return fmt.Sprintf("%s queue, visibility %s, maxReceiveCount %d; batches of %d, window %s, reports %t, filter %t; concurrency %d",
		kind, w.cfg.Visibility, w.cfg.MaxReceives, w.feed.Batching.Size, w.feed.Batching.Window, w.feed.Report, w.filtered,
		w.limits.Concurrency)
}
