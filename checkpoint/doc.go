// Package checkpoint implements [esm.Store] in one bbolt file that survives kill -9: checkpoints of stream mappings,
// notices that no destination accepted, and documents. Package checkpointtest has the suite that every store passes.
package checkpoint
