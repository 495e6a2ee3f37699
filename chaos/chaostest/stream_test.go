package chaostest

import (
	"testing"

	"github.com/esm-run/esm/chaos"
)

// TestStream simulates feeds of streams, with lanes, reshards, retries and notices.
func TestStream(t *testing.T) { simulate(t, Stream) }

func TestStreamIsRepeatable(t *testing.T) { wantRepeatable(t, Stream) }

// TestStreamMeetsEveryFault checks that the seeds reach what they are for: each fault of streams, stores and destinations,
// positions, notices that are accepted and held, and children of shards.
func TestStreamMeetsEveryFault(t *testing.T) {
	met := map[chaos.Fault]int{}
	positions, accepted, held := 0, 0, 0
	shards := map[string]bool{}
	for seed := range uint64(100) {
		h := once(t, Stream, seed, Options{}).History
		for _, f := range h.Injected {
			met[f.Fault]++
		}
		positions += len(h.Positions)
		for _, told := range h.Told {
			if told.Held {
				held++
			} else {
				accepted++
			}
		}
		for _, r := range h.Sent {
			shards[r.Shard] = true
		}
	}
	for _, f := range chaos.AllFaults() {
		if met[f] == 0 && f != chaos.SourceRepeats { // a stream does not
			t.Errorf("no seed met %s", f)
		}
	}
	if positions == 0 || accepted == 0 || held == 0 || len(shards) < 5 {
		t.Errorf("%d positions, %d notices accepted and %d held, %d shards: want more of each", positions, accepted, held, len(shards))
	}
}
