package engine

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/esm-run/esm"
	"github.com/esm-run/esm/engine/policy"
	"github.com/esm-run/esm/sources/sourcetest"
)

// weather is a random life: settings, faults and a handler of which everything follows from a seed. After a while the
// faults end and the handler succeeds.
type weather struct {
	dice   *rand.Rand
	fifo   bool
	report bool
	clears time.Time

	mu      sync.Mutex      // guards dice, handled and order once the feed runs
	handled map[string]bool // IDs that a handler has had and not reported
	order   map[string][]string
}

// TestNothingIsLost runs many random lives. Whatever goes wrong, each message is deleted in the end, none before a handler
// has had it without failing, and on a FIFO queue each group is handled in order.
func TestNothingIsLost(t *testing.T) {
	for seed := range uint64(60) {
		synctest.Test(t, func(t *testing.T) { live(t, seed) })
		if t.Failed() {
			t.Fatalf("seed %d", seed)
		}
	}
}

func live(t *testing.T, seed uint64) {
	dice := rand.New(rand.NewPCG(seed, 7))
	w := &weather{
		dice: dice, fifo: dice.IntN(2) == 0, report: dice.IntN(2) == 0, clears: time.Now().Add(10 * time.Minute),
		handled: map[string]bool{}, order: map[string][]string{},
	}
	h := open(t, sourcetest.QueueConfig{
		Visibility: time.Duration(2+dice.IntN(60)) * time.Second, FIFO: w.fifo,
		ReceiveFaults: w.faults(.1), DeleteFaults: w.faults(.2),
	}, w.handle)
	w.settle(h.feed)
	h.fn.permits = dice.IntN(4) // 0 is no limit
	var sent []string
	for range 3 {
		for range w.roll(60) {
			group := ""
			if w.fifo {
				group = string(rune('a' + w.roll(4)))
			}
			sent = append(sent, h.queue.Send(group+"-", group))
		}
		h.start()
		h.wait(time.Duration(w.roll(120)) * time.Second)
		h.stop() // and start again: a clean restart
		h.wait(time.Duration(w.roll(20)) * time.Second)
		h.kill()
		<-h.ended
		h.ended = make(chan struct{})
	}
	h.start()
	h.wait(time.Until(w.clears) + 30*time.Minute)
	h.close()
	w.check(t, h, sent)
}

func (w *weather) roll(n int) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.dice.IntN(n)
}

func (w *weather) settle(f *QueueFeed) {
	f.Report = w.report
	f.Batching = policy.Batching{Size: 1 + w.dice.IntN(10), MaxBytes: []int{0, 0, 1500}[w.dice.IntN(3)]}
	limit := []int{0, 2, 7}[w.dice.IntN(3)]
	f.Pollers = policy.StandardPollers(limit, w.report)
	if w.fifo {
		f.Pollers = policy.FIFOPollers(limit, w.report)
	} else if w.dice.IntN(2) == 0 {
		f.Batching.Window = time.Duration(1+w.dice.IntN(10)) * time.Second
		f.Batching.Size *= 5
	}
}

var errWeather = errors.New("bad weather")

// faults fails calls, done or undone, with this probability.
func (w *weather) faults(probability float64) sourcetest.Faults {
	seed := w.dice.Uint64()
	return func(call int) sourcetest.Fault {
		dice := rand.New(rand.NewPCG(seed, uint64(call)))
		switch p := dice.Float64(); {
		case time.Now().After(w.clears) || p > probability:
			return sourcetest.Fault{}
		case p < probability/2:
			return sourcetest.Done(errWeather)
		default:
			return sourcetest.Undone(errWeather)
		}
	}
}

// handle succeeds or fails in one of the ways that there are.
func (w *weather) handle(e event) (string, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	calm := time.Now().After(w.clears)
	p := w.dice.Float64()
	switch {
	case calm || p < .5:
		w.note(e, len(e.Records))
		return "null", nil
	case p < .6:
		return "", faultError("Unhandled")
	case p < .7:
		return "", esm.ErrThrottled
	case p < .75:
		return "", errWeather
	case p < .8:
		return `{"batchItemFailures":[{"itemIdentifier":"nobody"}]}`, w.unreported(e)
	case w.report:
		good := w.dice.IntN(len(e.Records) + 1)
		w.note(e, good)
		return w.reportFrom(e, good), nil
	default:
		return "", faultError("Sandbox.Timedout")
	}
}

// unreported notes everything as handled when nobody reads the bad report.
func (w *weather) unreported(e event) error {
	if !w.report {
		w.note(e, len(e.Records))
	}
	return nil
}

// note writes down the first n records of an event as handled.
func (w *weather) note(e event, n int) {
	for _, r := range e.Records[:n] {
		if w.handled[r.MessageID] {
			continue // a repeat
		}
		w.handled[r.MessageID] = true
		group, _, _ := strings.Cut(r.Body, "-")
		w.order[group] = append(w.order[group], r.MessageID)
	}
}

// reportFrom reports all records from the nth on, as a handler on a FIFO queue must.
func (w *weather) reportFrom(e event, n int) string {
	var items []string
	for _, r := range e.Records[n:] {
		items = append(items, fmt.Sprintf(`{"itemIdentifier":%q}`, r.MessageID))
	}
	return `{"batchItemFailures":[` + strings.Join(items, ",") + `]}`
}

func (w *weather) check(t *testing.T, h *house, sent []string) {
	t.Helper()
	deleted := h.queue.Deleted()
	slices.Sort(deleted)
	if !slices.Equal(deleted, slices.Sorted(slices.Values(sent))) {
		t.Errorf("%d messages deleted of %d sent; %d are left", len(deleted), len(sent), h.queue.Len())
	}
	for _, id := range deleted {
		if !w.handled[id] {
			t.Errorf("message %s was deleted and no handler has had it", id)
		}
	}
	for group, ids := range w.order {
		if w.fifo && !slices.IsSorted(ids) {
			t.Errorf("group %s was handled in the order %v", group, ids)
		}
	}
}
