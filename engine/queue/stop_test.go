package queue

import (
	"context"
	"testing"
	"time"

	"github.com/esm-run/esm"
	"github.com/esm-run/esm/engine/enginetest"
	"github.com/esm-run/esm/engine/policy"
	"github.com/esm-run/esm/sources/sourcetest"
	"github.com/esm-run/esm/trace"
)

func TestStopFinishesWhatIsInHand(t *testing.T) {
	bubble(t, sourcetest.QueueConfig{}, enginetest.Takes(4*time.Second), func(r *rig) {
		r.feed.Batching.Size, r.feed.PollWait = 1, time.Second
		r.send(50, "")
		r.runFor(500 * time.Millisecond)
		running := r.Function.Held()
		if took := r.Close(); took != 3500*time.Millisecond {
			r.Errorf("stopping took %v, want the 3.5 s that the invocations had left", took)
		}
		r.wantQueue(running, 50-running, 0)
		if got := r.queue.InFlight(); got != 0 {
			r.Errorf("%d messages are out of sight", got)
		}
	})
}

// lossy is a queue that hands the next messages to a poll that was cut, as LocalStack does.
type lossy struct{ *sourcetest.Queue }

func (q lossy) Receive(ctx context.Context, limit int, wait time.Duration) ([]esm.Record, error) {
	recs, err := q.Queue.Receive(context.WithoutCancel(ctx), limit, wait)
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	return recs, err
}

// Messages that the last poll of a feed returns are handled at once by the next feed of the queue.
func TestStopReleasesWhatTheLastPollReturns(t *testing.T) {
	bubble(t, sourcetest.QueueConfig{}, enginetest.Succeed, func(r *rig) {
		r.feed.Queue = lossy{r.queue}
		r.runFor(3 * time.Second)
		began := time.Now()
		r.Stop()
		r.Wait(10 * time.Second) // 13 s of the poll's 20 s
		sent := time.Now()
		r.send(1, "")
		<-r.Ended
		if took := time.Since(began); took > 17*time.Second {
			r.Errorf("stopping took %v, want no longer than the poll", took)
		}
		if n := len(r.Function.Calls()); n != 0 {
			r.Errorf("%d invocations after the stop", n)
		}
		r.wantLeft(1, trace.ReasonStopping)
		r.runFor(time.Second)
		r.wantQueue(1, 0, 0)
		if calls := r.Function.Calls(); len(calls) != 1 || calls[0].At.Sub(sent) > time.Second {
			r.Errorf("calls %v after %v, want one at once", calls, time.Since(sent))
		}
	})
}

func TestStopWaitsNoLongerThanPollWait(t *testing.T) {
	bubble(t, sourcetest.QueueConfig{Visibility: 10 * time.Minute}, enginetest.Succeed, func(r *rig) {
		r.feed.PollWait = 2 * time.Second
		r.feed.Batching = policy.Batching{Size: 100, Window: 300 * time.Second}
		r.runFor(time.Minute)
		r.send(3, "") // which opens a window
		r.Wait(time.Minute)
		if took := r.Close(); took > 2*time.Second {
			r.Errorf("stopping took %v", took)
		}
		r.wantQueue(3, 0, 0)
	})
}

func TestEndOfWorkCutsThePoll(t *testing.T) {
	bubble(t, sourcetest.QueueConfig{}, enginetest.Succeed, func(r *rig) {
		r.runFor(3 * time.Second)
		r.Stop()
		r.Kill()
		if took := r.Close(); took != 0 {
			r.Errorf("stopping took %v", took)
		}
	})
}

// mute is a queue that does not answer before its caller gives up.
type mute struct{ esm.Queue }

func (mute) Receive(ctx context.Context, _ int, _ time.Duration) ([]esm.Record, error) {
	<-ctx.Done()
	return nil, ctx.Err()
}

func TestStopDoesNotWaitForAQueueThatDoesNotAnswer(t *testing.T) {
	bubble(t, sourcetest.QueueConfig{}, enginetest.Succeed, func(r *rig) {
		r.feed.Queue = mute{}
		r.runFor(time.Second)
		if took := r.Close(); took != answerWithin-time.Second {
			r.Errorf("stopping took %v, want what is left of %v", took, answerWithin)
		}
	})
}

// A batch that cannot run when the feed is stopped is released at once, with the records that wait for the next batch.
func TestStopReleasesWhatDoesNotRun(t *testing.T) {
	for _, why := range []error{esm.ErrThrottled, esm.ErrNotRun} {
		bubble(t, sourcetest.QueueConfig{FIFO: true, Visibility: 10 * time.Minute}, enginetest.Fail(why), func(r *rig) {
			r.feed.PollWait, r.feed.Batching = time.Second, small
			r.send(5, "group")
			r.runFor(5 * time.Second)
			stopReleases(r)
		})
	}
}

func TestStopReleasesWhatHasNoPermit(t *testing.T) {
	bubble(t, sourcetest.QueueConfig{Visibility: 10 * time.Minute}, enginetest.Succeed, func(r *rig) {
		r.feed.PollWait, r.Function.Permits = time.Second, 1
		r.runFor(30 * time.Second) // the scout polls
		slot, _ := r.Function.Reserve(r.Context(), "f")
		defer slot.Release()
		r.send(5, "")
		r.Wait(5 * time.Second)
		stopReleases(r)
	})
}

// stopReleases stops the feed and expects it to release all that it has received.
func stopReleases(r *rig) {
	r.Helper()
	began, received := time.Now(), r.queue.InFlight()
	r.Stop()
	<-r.Ended
	if took := time.Since(began); took > time.Second { // a poll may be under way
		r.Errorf("stopping took %v", took)
	}
	r.wantLeft(received, trace.ReasonStopping)
	r.wantQueue(0, 5, 0)
	if hidden := r.queue.InFlight(); received == 0 || hidden != 0 {
		r.Errorf("%d messages were received, and %d are still hidden", received, hidden)
	}
}
