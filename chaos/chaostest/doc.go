// Package chaostest simulates whole feeds in virtual time: marked records, injected faults, and the invariants of package
// chaos over the history of the run. [Queue], [Stream] and [Async] run in a synctest bubble, follow from their seed, and take
// milliseconds. docs/reliability.md shows how to run more seeds, and one again.
package chaostest
