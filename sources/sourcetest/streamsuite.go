package sourcetest

import (
	"testing"
	"time"

	"github.com/esm-run/esm"
)

// StreamFixture is a new stream with one shard and no records, and operations on it for tests. Its functions report errors
// to the test themselves, and have taken effect when they return.
type StreamFixture struct {
	// Stream is the stream under test.
	Stream esm.Stream

	// Put puts a record into the stream: after those of the same key, and into the only open shard while there is one.
	Put func(key, data string)

	// Keyless means that records have no keys: Put ignores its key, and all records of a shard belong to one group.
	Keyless bool

	// Data returns the data passed to Put, from a record's Event. Nil means that the Event is that of Kinesis.
	Data func(esm.Record) string

	// Reshard closes a shard, which then has one child or two. Nil if the service cannot.
	Reshard func(shard string)

	// Merge closes two adjacent shards, which then have one child. Nil if the service cannot.
	Merge func(a, b string)

	// Trim drops all records that were put. Nil if the service cannot.
	Trim func()

	// Delete deletes the stream. Recreate creates another one with the same name after that. Nil if the service cannot.
	Delete, Recreate func()

	// Tick is how coarse arrival times are; zero means milliseconds.
	Tick time.Duration

	// Slack is how late the stream may be, and how far the service's clock may be off. Zero, for a synctest bubble,
	// requires exact times.
	Slack time.Duration
}

// RunStream runs the suite that every [esm.Stream] passes. Each test opens a new stream.
func RunStream(t *testing.T, clock Clock, open func(t *testing.T) StreamFixture) {
	for _, test := range streamTests {
		t.Run(test.name, func(t *testing.T) {
			clock(t, func(t *testing.T) {
				f := open(t)
				if test.needs != nil && !test.needs(f) {
					t.Skip("the service cannot do what this test needs")
				}
				test.run(&streamTest{T: t, StreamFixture: f})
			})
		})
	}
}

var streamTests = []struct {
	name  string
	needs func(StreamFixture) bool // nil: always runs
	run   func(t *streamTest)
}{
	{"a new stream has one open shard", nil, oneShard},
	{"an empty shard returns no records", nil, emptyShard},
	{"a record has the data that was put", nil, recordHasData},
	{"records come in order, within the limit", nil, inOrder},
	{"a reader sees what is put later", nil, seesLater},
	{"reading resumes after every position", nil, resumes},
	{"reading begins at a time", fineTime, beginsAt},
	{"readers are independent", nil, readersApart},
	{"a read ends with its context", nil, readEndsWithContext},
	{"nothing is done after the end of the context", nil, afterTheEnd},
	{"a closed shard is drained, then EOF", canReshard, drained},
	{"a drained shard can be opened", canReshard, drainedOpened},
	{"children name their parent", canReshard, children},
	{"a merged child names both parents", canMerge, merged},
	{"a position of a child is foreign to its parent", canReshard, foreignToParent},
	{"a position of another stream is foreign", canRecreate, foreignStream},
	{"a recreated stream has another identity", canRecreate, anotherIdentity},
	{"a trimmed position is an error or the oldest record", canTrim, trimmed},
	{"a shard that does not exist", nil, missingShard},
	{"a stream that is deleted", canDelete, missingStream},
}

func canReshard(f StreamFixture) bool  { return f.Reshard != nil }
func canMerge(f StreamFixture) bool    { return f.Reshard != nil && f.Merge != nil }
func canRecreate(f StreamFixture) bool { return f.Recreate != nil }
func canDelete(f StreamFixture) bool   { return f.Delete != nil }
func canTrim(f StreamFixture) bool     { return f.Trim != nil }
func fineTime(f StreamFixture) bool    { return f.Tick <= 5*time.Second }
