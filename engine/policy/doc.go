// Package policy holds every decision about batches of a queue: what a function's answer means, what may then be
// deleted, when a batch is ready to run, how long to pause, and how many pollers to run.
//
// Decisions are pure. They take values and give values; time comes in as an argument, and nothing here waits, calls out
// or keeps state between calls. Package engine does what is decided here and holds no rule of its own.
//
// What becomes of a batch is decided in two steps: ReadOutcome says what an answer means, Queue.After what then happens
// to each record. The numbered table in outcome_test.go goes through every kind of answer, failure and refusal that AWS
// documents, with and without ReportBatchItemFailures; the numbers in other tests are that table's.
//
//	outcome.go   what came of one try                        ReadOutcome
//	report.go    what a handler says in batchItemFailures
//	walk.go      JSON as it was written, for report.go
//	reason.go    the names of what went wrong                Reason
//	queue.go     what then happens to each record            Queue.After
//	returned.go  what has waited too long for its turn       Current
//	batching.go  how a batch grows and when it is closed     Batching
//	pollers.go   how many batches may be in hand             Pollers
//	backoff.go   growing pauses                              Backoff
package policy
