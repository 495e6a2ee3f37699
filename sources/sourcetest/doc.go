// Package sourcetest holds what sources are tested with and against: the suite that every [esm.Queue] passes
// ([RunQueue]), and [Queue], a queue in memory that behaves like an SQS queue and fails when told to.
package sourcetest
