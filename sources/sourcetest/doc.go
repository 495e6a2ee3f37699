// Package sourcetest holds what sources are tested with and against: the suites that every [esm.Queue] and every
// [esm.Stream] passes ([RunQueue], [RunStream]), and [Queue] and [Stream], a queue and a stream in memory that behave like
// those of AWS and fail when told to.
package sourcetest
