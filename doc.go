// Package esm defines the contracts of an event source mapping engine: AWS Lambda's pollers as a program of their own.
//
// Records flow one way:
//
//	source → gather → filter → invoke → decide → settle
//
// A source (a [Queue] or a [Stream]) returns records. The engine gathers them into batches, removes the records that match
// no filter, takes a permit from the [Invoker] and invokes the function. Package engine/policy decides, without I/O, what
// the response means for each record. The engine then applies the decision to the source: it deletes messages or leaves
// them in the queue, and it saves the position of a shard in [Checkpoints]. A [Destination] receives a [Notice] about
// records that are given up.
//
// The package contains contracts and the data that they carry. What users write, such as mappings and functions, is in
// package config; what the engine reports is in package trace. All three import only the standard library.
package esm
