// Package policy holds every decision about the records of a queue or a stream: what a function's answer means, what may
// then be settled, when a batch is ready to run, how long to pause, how many pollers to run, and which shards to read.
//
// Decisions are pure. They take values and give values; time comes in as an argument, and nothing here waits or calls
// out. Nothing is kept between calls but by a Watermark, which is an account of one shard. Package engine does what is
// decided here and holds no rule of its own.
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
//
// Of a stream, a batch is a Run. It comes to its end in Steps, whose fields are effects in their order; AWS's rules are
// numbered in the tests as they are tried from top to bottom.
//
//	stream.go         what then happens to a run             Stream.Expire, Stream.After, Stream.Oversized
//	streamoutcome.go  what came of one try                   ReadStreamOutcome
//	sequence.go       which of two positions comes first     Compare
//	lanes.go          which records go one after the other   Lane, Deal
//	watermark.go      up to where all is settled             Watermark, Owes
//	shards.go         which shards are read, and from where  Shards.First, Shards.Ready
//	shardgraph.go     what follows what, for shards.go
//	window.go         tumbling windows                       Tumbling
//	windowevent.go    what is sent and answered in them      Tumbling.Payload, ReadWindowOutcome
//	notice.go         what a destination is told             Origin.Notice
package policy
