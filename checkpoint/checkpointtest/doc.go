// Package checkpointtest has the suite that every [esm.Store] passes, and [Memory], a store for tests of other packages.
package checkpointtest
