// Package checkpoint keeps how far stream mappings have come, the notices that no destination took, and documents of which
// it knows no more than their kind: [DB] in a bbolt file that survives kill -9, [Memory] for tests of what depends on it.
// Both pass the suites of checkpointtest.
package checkpoint
