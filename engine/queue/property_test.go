package queue

import (
	"errors"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/esm-run/esm"
	"github.com/esm-run/esm/engine/enginetest"
	"github.com/esm-run/esm/engine/policy"
	"github.com/esm-run/esm/sources/sourcetest"
)

// TestNothingIsLost runs random feeds with faults and restarts. Every message is deleted in the end, none before a handler
// has had it without failing, each group of a FIFO queue is handled in order, and no limit is exceeded.
func TestNothingIsLost(t *testing.T) {
	for seed := range uint64(60) {
		trial := newTrial(seed)
		bubble(t, trial.queue, trial.handle, trial.run)
		if t.Failed() {
			t.Fatalf("seed %d", seed)
		}
	}
}

// faultsFor is how long things go wrong at random.
const faultsFor = 10 * time.Minute

var errLost = errors.New("connection lost")

// trial is a random feed with a random handler.
type trial struct {
	began  time.Time
	queue  sourcetest.QueueConfig
	report bool
	limit  int // MaximumConcurrency; 0 is none

	mu      sync.Mutex
	dice    *rand.Rand
	handled map[string]bool     // message IDs that a handler has had and not reported
	order   map[string][]string // by group, in the order of handling
}

func newTrial(seed uint64) *trial {
	dice := rand.New(rand.NewPCG(seed, 7))
	x := &trial{dice: dice, report: dice.IntN(2) == 0, handled: map[string]bool{}, order: map[string][]string{}}
	x.queue = sourcetest.QueueConfig{
		Visibility: time.Duration(2+dice.IntN(60)) * time.Second, FIFO: dice.IntN(2) == 0,
		ReceiveFaults: x.faults(.1), DeleteFaults: x.faults(.2),
	}
	return x
}

func (x *trial) over() bool { return time.Since(x.began) > faultsFor }

// faults fails calls with a probability, done or undone.
func (x *trial) faults(probability float64) sourcetest.Faults {
	seed := x.dice.Uint64()
	return func(call int) sourcetest.Fault {
		dice := rand.New(rand.NewPCG(seed, uint64(call)))
		if x.over() || dice.Float64() > probability {
			return sourcetest.Fault{}
		}
		return sourcetest.Fault{Err: errLost, Done: dice.IntN(2) == 0}
	}
}

func (x *trial) roll(n int) int {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.dice.IntN(n)
}

func (x *trial) run(r *rig) {
	x.began = time.Now()
	x.configure(r.feed)
	r.Function.Permits = x.roll(4) // 0 is no limit
	sent := 0
	for range 3 {
		for range x.roll(100) {
			group := ""
			if x.queue.FIFO {
				group = string(rune('a' + x.roll(4)))
			}
			r.queue.Send(group+"-", group)
			sent++
		}
		r.runFor(time.Duration(x.roll(120)) * time.Second)
		r.Stop()
		r.Wait(time.Duration(x.roll(20)) * time.Second)
		r.Kill()
		r.Close()
	}
	r.runFor(faultsFor + 30*time.Minute)
	r.Close()
	r.wantQueue(sent, 0, 0)
	if peak := r.Function.Peak(); x.limit > 0 && peak > x.limit {
		r.Errorf("%d invocations at once, want at most %d", peak, x.limit)
	}
	for _, id := range r.queue.Deleted() {
		if !x.handled[id] {
			r.Errorf("message %s was deleted and no handler has had it", id)
		}
	}
	for group, ids := range x.order {
		if x.queue.FIFO && !slices.IsSorted(ids) {
			r.Errorf("group %s was handled in the order %v", group, ids)
		}
	}
}

func (x *trial) configure(f *Feed) {
	f.Report = x.report
	f.Batching = policy.Batching{Size: 1 + x.dice.IntN(10), MaxBytes: []int{0, 0, 1500}[x.dice.IntN(3)]}
	x.limit = []int{0, 2, 7}[x.dice.IntN(3)]
	f.Pollers = policy.StandardPollers(x.limit, x.report)
	if x.queue.FIFO {
		f.Pollers = policy.FIFOPollers(x.limit, x.report)
	} else if x.dice.IntN(2) == 0 {
		f.Batching.Window = time.Duration(1+x.dice.IntN(10)) * time.Second
		f.Batching.Size *= 5
	}
}

// handle succeeds or fails in one of the possible ways.
func (x *trial) handle(e enginetest.Event) (string, error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	p := x.dice.Float64()
	switch {
	case p < .5 || x.over():
		x.note(e, len(e.Records))
		return "null", nil
	case p < .7:
		return enginetest.Throw(e)
	case p < .8:
		return "", esm.ErrThrottled
	case p < .85:
		return "", errLost
	case p < .9 || !x.report:
		if !x.report { // nobody reads it
			x.note(e, len(e.Records))
		}
		return enginetest.Failures("nobody"), nil
	}
	good := x.dice.IntN(len(e.Records) + 1)
	x.note(e, good)
	var items []string
	for i := good; i < len(e.Records); i++ { // all that follow, as a handler of a FIFO queue must
		items = append(items, e.Item(i))
	}
	return enginetest.Failures(items...), nil
}

// note notes the first n records of an event as handled.
func (x *trial) note(e enginetest.Event, n int) {
	for _, r := range e.Records[:n] {
		if !x.handled[r.MessageID] { // otherwise a repetition
			x.handled[r.MessageID] = true
			group, _, _ := strings.Cut(r.Body, "-")
			x.order[group] = append(x.order[group], r.MessageID)
		}
	}
}
