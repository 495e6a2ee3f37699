// Package checkpointtest holds the suites that stores pass: [Run] for every [esm.Checkpoints], [RunUndelivered] for those
// that keep notices too, [RunDocuments] for those that keep documents.
package checkpointtest
