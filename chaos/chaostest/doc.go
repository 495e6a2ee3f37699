// Package chaostest simulates whole feeds in virtual time: marked records, injected faults, and the invariants of package
// chaos over what came of them. A simulation runs in a synctest bubble, follows from its seed, and takes milliseconds.
package chaostest
