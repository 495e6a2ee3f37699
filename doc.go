// Package esm is the vocabulary of an event source mapping engine: AWS Lambda's pollers as a program of their own.
//
// Records flow one way:
//
//	source → gather → filter → invoke → decide → settle
//
// A source (a [Queue]) hands out records. The engine gathers them into batches, drops what no filter wants, takes a
// permit from the [Invoker] and runs the function. What its answer means for each record is decided by pure functions
// (package engine/policy); what was decided is carried out on the source (deleted, or left to come back). Each step is
// told to a [Trace], from which logs, metrics and the life of a single record can be told.
//
// A [Mapping] joins a source to a function, a [Function] says how a handler is run; both are the user's own words, in
// AWS's names. They end where the parts are wired (cmd/esm): nothing past that point sees them whole.
//
// The package holds data and contracts only, and imports nothing but the standard library.
package esm
