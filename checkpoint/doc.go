// Package checkpoint implements [esm.Store] and [esm.Events] in bbolt files that survive kill -9: one with the checkpoints of
// stream mappings, notices that no destination accepted, and documents; one with asynchronous events and the notices that
// they owe. Package checkpointtest has the suites that every store and every queue passes.
package checkpoint
