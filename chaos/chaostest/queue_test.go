package chaostest

import (
	"testing"

	"github.com/esm-run/esm/chaos"
)

// TestQueue simulates feeds of standard and FIFO queues.
func TestQueue(t *testing.T) { simulate(t, Queue) }

func TestQueueIsRepeatable(t *testing.T) { wantRepeatable(t, Queue) }

// TestQueueMeetsEveryFault checks that the seeds reach what they are for: each fault of queues and handlers, repeats, dead
// letters, filters.
func TestQueueMeetsEveryFault(t *testing.T) {
	met := map[chaos.Fault]int{}
	repeats, dead, unwanted := 0, 0, 0
	for seed := range uint64(60) {
		h := once(t, Queue, seed, Options{}).History
		for _, f := range h.Injected {
			met[f.Fault]++
		}
		repeats += len(chaos.Repeats(h))
		dead += len(h.Dead)
		for _, r := range h.Sent {
			if r.Unwanted {
				unwanted++
			}
		}
	}
	for _, f := range []chaos.Fault{
		chaos.HandlerThrows, chaos.HandlerHangs, chaos.HandlerCrashes, chaos.HandlerOutOfMemory, chaos.HandlerRubbish,
		chaos.HandlerPartial, chaos.HandlerLies, chaos.HandlerLate, chaos.InvokeThrottled, chaos.InvokeNotRun,
		chaos.InvokeRefused, chaos.InvokeLost, chaos.SourceThrottles, chaos.SourceEmpty, chaos.SourceRepeats,
		chaos.SourceUndone, chaos.SourceDone, chaos.SourceSlow, chaos.EngineStops, chaos.EngineKill,
	} {
		if met[f] == 0 {
			t.Errorf("no seed met %s", f)
		}
	}
	if repeats == 0 || dead == 0 || unwanted == 0 {
		t.Errorf("%d repeats, %d dead letters, %d unwanted records: want some of each", repeats, dead, unwanted)
	}
}
