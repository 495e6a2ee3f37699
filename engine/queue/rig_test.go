package queue

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/esm-run/esm/engine/enginetest"
	"github.com/esm-run/esm/engine/policy"
	"github.com/esm-run/esm/sources/sourcetest"
	"github.com/esm-run/esm/trace"
)

// rig is a Feed with a queue in memory.
type rig struct {
	*enginetest.Rig
	queue *sourcetest.Queue
	feed  *Feed
}

// bubble runs test with a feed of standard pollers, which test may alter and start.
func bubble(t *testing.T, queue sourcetest.QueueConfig, handler enginetest.Handler, test func(*rig)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		t.Helper()
		r := newRig(t, queue, handler)
		defer r.Close()
		test(r)
	})
}

func newRig(t *testing.T, queue sourcetest.QueueConfig, handler enginetest.Handler) *rig {
	r := &rig{Rig: enginetest.New(t, handler), queue: sourcetest.NewQueue(queue)}
	r.feed = &Feed{
		Mapping: "m", Function: "f", Queue: r.queue, Invoker: r.Function, Pollers: policy.StandardPollers(0, false), Trace: r.Trace,
	}
	return r
}

func (r *rig) start() { r.Start(r.feed) }

// runFor starts the feed and lets d pass.
func (r *rig) runFor(d time.Duration) {
	r.start()
	r.Wait(d)
}

// send sends n messages with the group's name and a number as bodies.
func (r *rig) send(n int, group string) {
	for i := range n {
		r.queue.Send(fmt.Sprintf("%s%d", group, i), group)
	}
}

// wantQueue fails the test unless this many messages were deleted, are in the queue, and are in the dead-letter queue.
func (r *rig) wantQueue(deleted, left, dead int) {
	r.Helper()
	if d, l, x := len(r.queue.Deleted()), r.queue.Len(), len(r.queue.Dead()); d != deleted || l != left || x != dead {
		r.Errorf("%d messages deleted, %d left and %d dead, want %d, %d and %d", d, l, x, deleted, left, dead)
	}
}

// wantLeft fails the test unless this many records were left, all for this reason.
func (r *rig) wantLeft(records int, reason trace.Reason) {
	r.Helper()
	n := 0
	for _, left := range enginetest.Events[trace.Left](r.Rig) {
		if n += len(left.Records); left.Reason != reason {
			r.Errorf("%d records are left for %s, want %s", len(left.Records), left.Reason, reason)
		}
	}
	if n != records {
		r.Errorf("%d records are left, want %d", n, records)
	}
}
