package sourcetest

import (
	"testing"
	"time"

	"github.com/esm-run/esm"
)

// StreamFixture is a fresh stream without records, of one shard, and what a test may do to it besides. Its functions fail
// the test by themselves, and what they do shows once they return.
type StreamFixture struct {
	// Stream is what is tested.
	Stream esm.Stream

	// Put puts a record into the stream: behind those of the same key, and into the only open shard while there is one.
	Put func(key, data string)

	// Data is what was put, as a handler sees it. Nil means the data of a Kinesis record.
	Data func(esm.Record) string

	// Reshard closes a shard and gives it one child or two. Nil: the service cannot.
	Reshard func(shard string)

	// Merge closes two shards that are neighbours and gives them one child. Nil: the service cannot.
	Merge func(a, b string)

	// Trim drops all records that were put. Nil: the service cannot.
	Trim func()

	// Delete deletes the stream, Recreate also makes it anew as it was at first. Nil: the service cannot.
	Delete, Recreate func()

	// Tick is how coarse arrival times are; zero means milliseconds.
	Tick time.Duration

	// Slack is how much later than promised things may happen, and how far the service's clock may be off. Zero, for a
	// bubble, demands exactness.
	Slack time.Duration
}

// RunStream runs the suite that every [esm.Stream] passes. Each test opens a stream of its own.
func RunStream(t *testing.T, world World, open func(t *testing.T) StreamFixture) {
	for _, test := range streamTests {
		t.Run(test.name, func(t *testing.T) {
			world(t, func(t *testing.T) {
				f := open(t)
				if test.needs != nil && !test.needs(f) {
					t.Skip("not with this service")
				}
				test.run(&streamTest{T: t, StreamFixture: f})
			})
		})
	}
}

var streamTests = []struct {
	name  string
	needs func(StreamFixture) bool // nil: nothing in particular
	run   func(t *streamTest)
}{
	{"a new stream has one open shard", nil, oneShard},
	{"an empty shard reads as nothing", nil, emptyShard},
	{"a record is what was put", nil, recordIsWhatWasPut},
	{"records come in order, within the limit", nil, inOrder},
	{"a reader sees what is put later", nil, seesLater},
	{"reading resumes behind every position", nil, resumes},
	{"reading begins at a time", fineTime, beginsAt},
	{"readers do not disturb each other", nil, readersApart},
	{"a read ends with its context", nil, readEndsWithContext},
	{"nothing is done after the end of the context", nil, afterTheEnd},
	{"a closed shard is drained, then EOF", canReshard, drained},
	{"a drained shard can be opened", canReshard, drainedOpened},
	{"children name their parent", canReshard, children},
	{"a merged child names both parents", canMerge, merged},
	{"a position of a child is foreign to its parent", canReshard, foreignToParent},
	{"a position of another stream is foreign", canRecreate, foreignStream},
	{"a stream made anew has another identity", canRecreate, anotherIdentity},
	{"a trimmed position is an error or the oldest record", canTrim, trimmed},
	{"a shard that never was", nil, missingShard},
	{"a stream that is gone", canDelete, missingStream},
}

func canReshard(f StreamFixture) bool  { return f.Reshard != nil }
func canMerge(f StreamFixture) bool    { return f.Reshard != nil && f.Merge != nil }
func canRecreate(f StreamFixture) bool { return f.Recreate != nil }
func canDelete(f StreamFixture) bool   { return f.Delete != nil }
func canTrim(f StreamFixture) bool     { return f.Trim != nil }
func fineTime(f StreamFixture) bool    { return f.Tick <= 5*time.Second }
