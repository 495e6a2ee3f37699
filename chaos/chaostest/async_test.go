package chaostest

import (
	"testing"

	"github.com/esm-run/esm/chaos"
)

// TestAsync simulates the feed of asynchronous events.
func TestAsync(t *testing.T) { simulate(t, Async) }

// TestAsyncMeetsEveryFault checks that the seeds reach what they are for.
func TestAsyncMeetsEveryFault(t *testing.T) {
	met := map[chaos.Fault]int{}
	ended, accepted, held := 0, 0, 0
	for seed := range uint64(60) {
		h := once(t, Async, seed, Options{}).History
		for _, f := range h.Injected {
			met[f.Fault]++
		}
		ended += len(h.Ended)
		for _, told := range h.Told {
			if told.Held {
				held++
			} else {
				accepted++
			}
		}
	}
	for _, f := range []chaos.Fault{
		chaos.HandlerThrows, chaos.HandlerHangs, chaos.HandlerCrashes, chaos.HandlerOutOfMemory, chaos.HandlerLate,
		chaos.InvokeThrottled, chaos.InvokeNotRun, chaos.InvokeRefused, chaos.InvokeLost, chaos.StoreDone, chaos.StoreUndone,
		chaos.StoreSlow, chaos.StoreFull, chaos.DestinationBusy, chaos.DestinationRefuses, chaos.DestinationTwice,
		chaos.EngineStops, chaos.EngineKill,
	} {
		if met[f] == 0 {
			t.Errorf("no seed met %s", f)
		}
	}
	if ended == 0 || accepted == 0 || held == 0 {
		t.Errorf("%d events ended, %d notices accepted and %d held: want some of each", ended, accepted, held)
	}
}
