// Package checkpoint keeps how far stream mappings have come, and the notices that no destination took: [DB] in a bbolt
// file that survives kill -9, [Memory] for tests of what depends on it. Both pass the suites of checkpointtest.
package checkpoint
