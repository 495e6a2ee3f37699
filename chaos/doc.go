// Package chaos injects failures into the parts of an engine, and checks that the engine kept its promises.
//
// An [Injector] draws faults from one seed. [Queue], [Stream], [Store], [Events], [Invoker] and [Destination] wrap the
// contracts of package esm and ask it about each call. Each wrapper keeps the promises of its contract: it fails as the
// real part may fail, so an engine that loses a record under it would lose one in production.
//
// A [Recorder] collects the history of a run: the records that were sent, what the handler had and answered, what was
// settled, and each injected fault. [Invariants] are pure functions over that [History]. They use no code of the engine,
// so that a defect there cannot hide itself.
//
// # Repeatability
//
// Whether a fault strikes depends on the seed, the fault, what it hits, and how often it could have hit that before. It does
// not depend on the order in which goroutines run. The same seed therefore has the same plan in every run; two runs differ
// only as far as the engine asks in a different order.
package chaos
