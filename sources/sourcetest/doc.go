// Package sourcetest has the suites that every source must pass, [RunQueue] for an [esm.Queue] and [RunStream] for an
// [esm.Stream]. It also has [Queue] and [Stream], in memory, which behave like those of AWS and fail on demand.
//
// # Adding a stream source
//
// A stream is a set of shards: logs that are read from a position. A Kafka partition is a shard, and its offsets are
// positions. A new source is a package below sources with a type that has two methods:
//
//   - List returns the shards that exist, and an Identity that differs from that of a later stream of the same name.
//   - Open returns an [esm.Reader] that starts after a position, at a time, or at the oldest record. Its Read returns
//     records, or none after a pause; io.EOF only when the shard is closed and every record was read.
//
// A source does not retry: it returns an error and continues where it was at the next call. It reports by an error that a
// stream, a shard or a position is gone (esm.ErrNoStream, ErrNoShard, ErrTrimmed, ErrForeign), and reports that only if it
// is sure: those errors end the reading of records. Nothing in a source waits without listening to its context.
//
// A record has the position after which reading continues as its Receipt, the element of Records that the handler sees as
// its Event (compact JSON), and the key whose records keep their order as its Group.
//
// # Running the suite
//
// toy_test.go is a complete example: a stream of one shard in memory, and the suite on it. A source in the process runs
// in virtual time:
//
//	func TestSuite(t *testing.T) {
//		sourcetest.RunStream(t, synctest.Test, func(t *testing.T) sourcetest.StreamFixture {
//			log := newLog()
//			return sourcetest.StreamFixture{
//				Stream: log,
//				Put:    log.put,
//				Data:   func(r esm.Record) string { … }, // the data passed to put, from r.Event
//			}
//		})
//	}
//
// A source of a service outside the process passes [RealTime] instead of synctest.Test, skips the test if an environment
// variable does not name the service, and sets Slack to how late the service may be. Each test of the suite calls the
// function once for a new stream of one shard without records.
//
// The optional functions of [StreamFixture] let the suite close, split and merge shards, trim records, and delete and
// recreate the stream. A test is skipped if it needs one that is nil. Set as many as the service supports: those tests check
// that parents are read before their children, and that no record is lost at a trimmed position.
//
// The suite does not check what is specific to one service: its errors, its limits, the JSON of its records. Package
// sources/internal/awstest has shared code for such tests of AWS sources.
package sourcetest
