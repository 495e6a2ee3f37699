// Package policy holds every decision about the records of a queue or a stream: what a function's answer means, which
// records are settled, when a batch is delivered, how long to pause, how many pollers to run, and which shards to read. It
// also decides about asynchronous events: when the next try follows, and how one ends.
//
// Decisions are pure functions of their arguments. Time is an argument, and nothing here waits, calls out or keeps state,
// except that a [Watermark] accounts for one shard. Package engine carries the decisions out and has no rules of its own.
//
// The decision about a batch of a queue has two steps: [ReadOutcome] reads the outcome of a try, and [Queue.After] returns
// what happens to each record. The numbered rows in outcome_test.go cover every kind of answer, failure and refusal that
// AWS documents, with and without ReportBatchItemFailures; other tests refer to the rows by number.
//
// A batch of a stream is a [Run]. It is processed in a sequence of [Step] values, whose fields are effects in the order in
// which they must happen. The rules about runs are numbered in the tests in the order in which they apply.
package policy
