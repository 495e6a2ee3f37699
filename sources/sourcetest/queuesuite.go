package sourcetest

import (
	"testing"
	"time"

	"github.com/esm-run/esm"
)

// A Clock runs a test in virtual or real time: synctest.Test for a source inside the process, [RealTime] for a service.
type Clock func(t *testing.T, test func(t *testing.T))

// RealTime is the [Clock] of a service outside the process.
func RealTime(t *testing.T, test func(t *testing.T)) { test(t) }

// Fixture is a new, empty queue, and operations on it for tests.
type Fixture struct {
	// Queue is the queue under test.
	Queue esm.Queue

	// Send puts a message into the queue: visible once it returns, and on a FIFO queue the last of its group. Group is
	// empty on a standard queue. It may be called from any goroutine, and reports errors to the test itself.
	Send func(body, group string)

	// FIFO is set for a FIFO queue.
	FIFO bool

	// Visibility is the queue's visibility timeout: a whole number of seconds. The suite waits for it several times.
	Visibility time.Duration

	// Slack is how late the queue may be. Zero, for a synctest bubble, requires exact times.
	Slack time.Duration
}

// RunQueue runs the suite that every [esm.Queue] passes. Each test opens a new queue.
func RunQueue(t *testing.T, clock Clock, open func(t *testing.T) Fixture) {
	for _, test := range queueTests {
		t.Run(test.name, func(t *testing.T) {
			clock(t, func(t *testing.T) {
				f := open(t)
				if test.fifo && !f.FIFO {
					t.Skip("for FIFO queues only")
				}
				test.run(&queueTest{T: t, Fixture: f})
			})
		})
	}
}

var queueTests = []struct {
	name string
	fifo bool // for FIFO queues only
	run  func(t *queueTest)
}{
	{"an empty queue answers at once", false, emptyAtOnce},
	{"a wait ends with whole seconds", false, waitsWholeSeconds},
	{"a long poll ends when a message arrives", false, longPollEnds},
	{"a long poll ends with its context", false, pollEndsWithContext},
	{"a record is a message", false, recordIsMessage},
	{"the limit is honoured", false, limitHonoured},
	{"a deleted message is gone", false, deletedMeansGone},
	{"a message that is not deleted is visible again at its Until", false, comesBackAtUntil},
	{"deleting twice is no error", false, deleteTwice},
	{"deleting a part leaves the rest", false, deletePart},
	{"deleting none is no error", false, deleteNone},
	{"deleting after the end of the context leaves all", false, deleteAfterEnd},
	{"deleting more than one call can", false, deleteMany},
	{"a released message is receivable at once", false, releasedComesBackAtOnce},
	{"releasing a deleted message is no error", false, releaseWhatIsGone},
	{"many receivers share the messages", false, manyReceivers},
	{"a group keeps its order", true, groupKeepsOrder},
	{"a group in flight is locked", true, groupIsLocked},
	{"a released group keeps its order", true, releasedGroupKeepsOrder},
}
