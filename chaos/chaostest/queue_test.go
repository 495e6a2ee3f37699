package chaostest

import (
	"flag"
	"testing"
	"testing/synctest"
)

var (
	firstSeed = flag.Uint64("chaos.seed", 0, "the first seed of each simulation")
	seeds     = flag.Uint64("chaos.seeds", 100, "how many seeds each simulation runs")
)

// TestQueue simulates feeds of standard and FIFO queues. Seeds: -chaos.seed and -chaos.seeds.
func TestQueue(t *testing.T) { simulate(t, Queue) }

func simulate(t *testing.T, run func(uint64, Options) Result) {
	for seed := *firstSeed; seed < *firstSeed+*seeds; seed++ {
		synctest.Test(t, func(t *testing.T) {
			if result := run(seed, Options{}); len(result.Verdict.Broken()) > 0 {
				t.Fatal(result)
			}
		})
		if t.Failed() {
			return
		}
	}
}
