//go:build race

package chaostest

// raceEnabled reports whether the race detector is on.
const raceEnabled = true
