// Package checkpointtest has the suites that every [esm.Store] and every [esm.Events] passes, and stores for tests of other
// packages: [Memory] and [MemoryEvents].
package checkpointtest
