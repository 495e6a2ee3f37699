package queue

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/esm-run/esm/engine/enginetest"
	"github.com/esm-run/esm/engine/policy"
	"github.com/esm-run/esm/sources/sourcetest"
)

func TestWindowIsExact(t *testing.T) {
	for _, window := range []time.Duration{time.Second, 5 * time.Second, 65 * time.Second} {
		t.Run(window.String(), func(t *testing.T) {
			bubble(t, sourcetest.QueueConfig{Visibility: 5 * time.Minute}, enginetest.Succeed, func(r *rig) {
				r.feed.Batching = policy.Batching{Size: 100, Window: window}
				r.runFor(7500 * time.Millisecond)
				began := time.Now()
				r.send(3, "")
				r.Wait(window / 2)
				r.send(2, "")
				if held := r.Function.Held(); held != 0 {
					r.Errorf("%d permits are held while the window is open", held)
				}
				r.Wait(window)
				calls := r.Function.Calls()
				if len(calls) != 1 || len(calls[0].Records) != 5 || calls[0].At.Sub(began) != window {
					r.Errorf("calls %v, want one of five records after %v", calls, window)
				}
			})
		})
	}
}

// small is a batching that fits three short messages into an event.
var small = policy.Batching{Size: 10, MaxBytes: 1400}

// The messages of a group that did not fit into a batch must not overtake the earlier ones that failed with it.
func TestCarriedRecordsDoNotOvertakeTheirGroup(t *testing.T) {
	handler := enginetest.InTurn(enginetest.Throw, enginetest.Succeed)
	bubble(t, sourcetest.QueueConfig{FIFO: true, Visibility: 10 * time.Second}, handler, func(r *rig) {
		r.feed.Batching = small
		r.send(6, "a")
		r.runFor(time.Second)
		if calls := r.Function.Calls(); len(calls) != 1 {
			r.Fatalf("%d invocations before the failed batch returned, want 1", len(calls))
		}
		r.Wait(time.Minute)
		var order []string
		for _, e := range r.Function.Calls()[1:] {
			order = append(order, e.Texts()...)
		}
		if want := []string{"a0", "a1", "a2", "a3", "a4", "a5"}; !slices.Equal(order, want) {
			r.Errorf("handled in the order %v, want %v", order, want)
		}
	})
}

func TestARecordThatFitsNoBatchIsLeft(t *testing.T) {
	bubble(t, sourcetest.QueueConfig{MaxReceives: 2}, enginetest.Succeed, func(r *rig) {
		r.feed.Batching = small
		r.queue.Send(strings.Repeat("x", 2000), "")
		r.send(3, "")
		r.runFor(2 * time.Minute)
		r.wantQueue(3, 0, 1)
	})
}
