//go:debug randseednop=0

package chaostest

import (
	"flag"
	"math/rand"
	"runtime"
	"slices"
	"testing"
	"testing/synctest"

	"github.com/esm-run/esm/chaos"
)

var (
	firstSeed = flag.Uint64("chaos.seed", 0, "the first seed of each simulation")
	seeds     = flag.Uint64("chaos.seeds", 100, "how many seeds each simulation runs")
	mutate    = flag.Bool("chaos.mutants", false, "also build the engine with each mutant, which takes a minute")
)

// simulation runs the world of a seed in a synctest bubble.
type simulation func(seed uint64, o Options) Result

// simulate runs seeds until one breaks an invariant.
func simulate(t *testing.T, run simulation) {
	t.Helper()
	for seed := *firstSeed; seed < *firstSeed+*seeds; seed++ {
		if result := once(t, run, seed, Options{}); len(result.Verdict.Broken()) > 0 {
			t.Fatal(shortest(t, run, result))
		}
	}
}

// shortest returns a run of the same seed that breaks the same invariant with as few faults as are needed. A run without
// some faults may not break it, although the seed does: then others are left out.
func shortest(t *testing.T, run simulation, whole Result) Result {
	t.Helper()
	const runs = 300
	best := whole
	chaos.Shrink(chaos.Strikes(whole.History), runs, func(only map[chaos.Strike]bool) bool {
		result := once(t, run, whole.Seed, Options{Only: only})
		if !slices.Contains(result.Verdict.Broken(), whole.Verdict.Broken()[0]) {
			return false
		}
		best = result
		return true
	})
	return best
}

// once runs one seed in a bubble of its own. It also seeds the jitter of the engine's pauses, which comes from the global
// source.
func once(t *testing.T, run simulation, seed uint64, o Options) (result Result) {
	t.Helper()
	synctest.Test(t, func(*testing.T) {
		rand.Seed(int64(seed)) //lint:ignore SA1019 nothing else reaches the source that the backoff library uses
		result = run(seed, o)
	})
	return result
}

// wantRepeatable fails the test unless most seeds tell the same story twice. Not all do: two pollers that begin at the same
// moment may swap their places.
func wantRepeatable(t *testing.T, run simulation) {
	t.Helper()
	if raceEnabled {
		t.Skip("the race detector shuffles goroutines")
	}
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	const n = 50
	same := 0
	for seed := range uint64(n) {
		first := chaos.Story(once(t, run, seed, Options{}).History)
		if again := chaos.Story(once(t, run, seed, Options{}).History); again == first {
			same++
		}
	}
	if same < n/2 {
		t.Errorf("%d of %d seeds told the same story twice, want most", same, n)
	}
}
