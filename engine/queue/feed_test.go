package queue

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/esm-run/esm"
	"github.com/esm-run/esm/engine/enginetest"
	"github.com/esm-run/esm/engine/policy"
	"github.com/esm-run/esm/sources/sourcetest"
	"github.com/esm-run/esm/trace"
)

func TestIdleQueue(t *testing.T) {
	bubble(t, sourcetest.QueueConfig{}, enginetest.Succeed, func(r *rig) {
		r.start()
		<-r.Ready
		r.Wait(10*time.Minute + 7*time.Second)
		if held := r.Function.Held(); held != 0 {
			r.Errorf("an idle mapping holds %d permits", held)
		}
		if got, most := r.queue.Receives(), 2*30+2; got > most { // one with a permit and a long poll without, every 20 s
			r.Errorf("%d receives in ten idle minutes, want at most %d", got, most)
		}
		sent := time.Now()
		r.send(1, "")
		r.Wait(0)
		if calls := r.Function.Calls(); len(calls) != 1 || !calls[0].At.Equal(sent) {
			r.Errorf("calls %v, want one at once", calls)
		}
	})
}

// With one permit and a function slower than half the visibility timeout, a poller that received before it had a permit
// would let messages return unrun, and the queue would give them up at their second receive.
func TestNothingIsReceivedThatCannotBeInvoked(t *testing.T) {
	bubble(t, sourcetest.QueueConfig{Visibility: 30 * time.Second, MaxReceives: 1}, enginetest.Takes(20*time.Second), func(r *rig) {
		r.Function.Permits = 1
		r.runFor(time.Second) // the scout polls
		r.send(200, "")
		r.Wait(10 * time.Minute)
		r.wantQueue(200, 0, 0)
		if peak := r.Function.Peak(); peak > 1 {
			r.Errorf("%d invocations at once, want 1", peak)
		}
	})
}

func TestPollersGrowWithABacklog(t *testing.T) {
	bubble(t, sourcetest.QueueConfig{Visibility: time.Hour}, enginetest.Takes(500*time.Millisecond), func(r *rig) {
		r.feed.Batching.Size = 1
		r.send(4000, "")
		r.runFor(100 * time.Millisecond)
		if got := r.Function.Held(); got != 5 {
			r.Errorf("%d batches at once at the start, want 5", got)
		}
		r.Wait(10 * time.Second)
		if got := r.Function.Peak(); got < 45 || got > 55 {
			r.Errorf("%d batches at once after ten seconds, want about 50", got)
		}
		r.Wait(11 * time.Minute)
		r.wantQueue(4000, 0, 0)
		if scaled := enginetest.Events[trace.Scaled](r.Rig); scaled[len(scaled)-1].Pollers != 2 {
			r.Errorf("%d pollers after idle minutes, want 2", scaled[len(scaled)-1].Pollers)
		}
	})
}

func TestProvisionedPollersReceiveTenTimesASecond(t *testing.T) {
	bubble(t, sourcetest.QueueConfig{Visibility: time.Hour}, enginetest.Succeed, func(r *rig) {
		r.feed.Provisioned = true
		r.feed.Pollers = policy.ProvisionedPollers(2, 2, false)
		r.feed.Batching.Size = 1
		r.send(2000, "")
		r.runFor(10 * time.Second)
		// Two pollers, ten a second each, and the ten that each may make at once at the start.
		if got := r.queue.Receives(); got < 200 || got > 225 {
			r.Errorf("%d receives in ten seconds, want about 200", got)
		}
	})
}

func TestTwoMappingsShareAFunctionsPermits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		busy := newRig(t, sourcetest.QueueConfig{Visibility: time.Hour}, enginetest.Takes(time.Second))
		busy.Function.Permits = 2
		quiet := newRig(t, sourcetest.QueueConfig{MaxReceives: 1}, nil)
		quiet.feed.Invoker = busy.Function
		busy.send(5000, "")
		busy.start()
		quiet.start()
		busy.Wait(30 * time.Second)
		quiet.send(1, "")
		busy.Wait(5 * time.Second)
		quiet.wantQueue(1, 0, 0)
		quiet.Close()
		busy.Close()
	})
}

func TestReceiveErrors(t *testing.T) {
	gone := errors.New("the queue does not exist")
	faults := func(call int) sourcetest.Fault {
		if call <= 30 {
			return sourcetest.Undone(gone)
		}
		return sourcetest.Fault{}
	}
	bubble(t, sourcetest.QueueConfig{ReceiveFaults: faults}, enginetest.Succeed, func(r *rig) {
		r.send(10, "")
		r.runFor(30 * time.Second)
		if got := r.queue.Receives(); got > 30 {
			r.Errorf("%d receives in half a minute of errors", got)
		}
		if failing := enginetest.Events[trace.Failing](r.Rig); len(failing) == 0 || !errors.Is(failing[0].Err, gone) {
			r.Errorf("reported %v, want the error", failing)
		}
		r.Wait(10 * time.Minute)
		r.wantQueue(10, 0, 0)
	})
}

// hasty is a queue whose long polls do not wait until it is told to.
type hasty struct {
	*sourcetest.Queue
	waits atomic.Bool
}

func (q *hasty) Receive(ctx context.Context, limit int, wait time.Duration) ([]esm.Record, error) {
	time.Sleep(time.Millisecond)
	if !q.waits.Load() {
		wait = 0
	}
	return q.Queue.Receive(ctx, limit, wait)
}

func TestLongPollsThatDoNotWaitAreSlowedDown(t *testing.T) {
	for _, window := range []time.Duration{0, 20 * time.Second} {
		bubble(t, sourcetest.QueueConfig{}, enginetest.Succeed, func(r *rig) {
			q := &hasty{Queue: r.queue}
			r.feed.Queue, r.feed.Batching.Window = q, window
			for i := range 2 {
				q.waits.Store(false)
				before := r.queue.Receives()
				r.send(2, "") // which opens a window
				r.runFor(8 * time.Second)
				if got := r.queue.Receives() - before; got > 40 {
					r.Errorf("%d receives in 8 s", got)
				}
				q.waits.Store(true)
				r.Wait(time.Minute)
				r.Close()
				if got := len(enginetest.Events[trace.Slowed](r.Rig)); got != i+1 {
					r.Errorf("reported %d times after %d times", got, i+1)
				}
			}
			r.wantQueue(4, 0, 0)
			if failing := enginetest.Events[trace.Failing](r.Rig); len(failing) > 0 {
				r.Errorf("reported %v", failing)
			}
			for _, e := range r.Function.Calls() {
				if len(e.Records) != 2 {
					r.Errorf("a batch of %s is cut short", e)
				}
			}
		})
	}
}
