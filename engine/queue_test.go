package engine

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/esm-run/esm"
	"github.com/esm-run/esm/engine/policy"
	"github.com/esm-run/esm/sources/sourcetest"
	"github.com/esm-run/esm/trace"
)

func TestMessagesAreHandledAndDeleted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := open(t, sourcetest.QueueConfig{}, succeed)
		h.start()
		ids := h.send(25, "")
		h.wait(time.Second)
		deleted := h.queue.Deleted()
		slices.Sort(deleted)
		if !slices.Equal(deleted, ids) {
			t.Errorf("deleted %v, want %v", deleted, ids)
		}
		h.close()
	})
}

func TestAMessageOnAnIdleQueueIsInvokedAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := open(t, sourcetest.QueueConfig{}, succeed)
		h.start()
		h.wait(47 * time.Second)
		sent := time.Now()
		h.send(1, "")
		h.wait(0)
		calls := h.fn.seen()
		if len(calls) != 1 || !calls[0].At.Equal(sent) {
			t.Errorf("calls %v, want one at %v", calls, sent)
		}
		h.close()
	})
}

func TestAnIdleMappingHoldsNoPermitAndPollsOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := open(t, sourcetest.QueueConfig{}, succeed)
		h.start()
		h.wait(10 * time.Minute)
		if held := h.fn.held(); held != 0 {
			t.Errorf("an idle mapping holds %d permits", held)
		}
		// One scout: a look with a permit and a long poll without, every 20 s.
		if got, most := h.queue.Receives(), 2*30+2; got > most {
			t.Errorf("%d receives in ten idle minutes, want at most %d", got, most)
		}
		h.close()
	})
}

// With one permit and a function slower than half the visibility timeout, a poller that received before it had a permit
// would let messages return unrun. The queue would bury them at their second receive.
func TestNothingIsReceivedThatCannotBeInvoked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := open(t, sourcetest.QueueConfig{Visibility: 30 * time.Second, MaxReceives: 1}, takes(20*time.Second))
		h.fn.permits = 1
		h.start()
		h.wait(time.Second) // the scout polls
		h.send(200, "")
		h.wait(10 * time.Minute)
		if dead := h.queue.Dead(); len(dead) > 0 {
			t.Errorf("%d messages were buried without having been run", len(dead))
		}
		if left := h.queue.Len(); left > 0 {
			t.Errorf("%d of 200 messages are left", left)
		}
		if h.fn.peak() > 1 {
			t.Errorf("%d invocations at a time, want 1", h.fn.peak())
		}
		h.close()
	})
}

func TestMaximumConcurrencyIsNeverExceeded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := open(t, sourcetest.QueueConfig{Visibility: time.Hour}, takes(3*time.Second))
		h.feed.Pollers = policy.StandardPollers(7, false)
		h.feed.Batching.Size = 1
		h.send(300, "")
		h.start()
		h.wait(300 / 7 * 3 * time.Second * 2)
		if h.fn.peak() != 7 {
			t.Errorf("%d invocations at a time, want 7", h.fn.peak())
		}
		if left := h.queue.Len(); left > 0 {
			t.Errorf("%d messages are left", left)
		}
		h.close()
	})
}

func TestPollersGrowWithABacklog(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := open(t, sourcetest.QueueConfig{Visibility: time.Hour}, takes(500*time.Millisecond))
		h.feed.Batching.Size = 1
		h.send(4000, "")
		h.start()
		h.wait(100 * time.Millisecond)
		if got := h.fn.held(); got != 5 {
			t.Errorf("%d batches at a time at the start, want 5", got)
		}
		h.wait(10 * time.Second)
		if got := h.fn.peak(); got < 45 || got > 55 {
			t.Errorf("%d batches at a time after ten seconds, want about 50", got)
		}
		h.wait(time.Minute)
		if left := h.queue.Len(); left > 0 {
			t.Errorf("%d messages are left", left)
		}
		h.wait(10 * time.Minute)
		if scaled := told[trace.Scaled](h); scaled[len(scaled)-1].Pollers != 2 {
			t.Errorf("%d pollers after idle minutes, want 2", scaled[len(scaled)-1].Pollers)
		}
		h.close()
	})
}

// Recorded on AWS: 30 waiting messages, batches of 20, a window of one second, MaximumConcurrency 2: two invocations.
func TestWindowGathersSeveralReceives(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := open(t, sourcetest.QueueConfig{}, succeed)
		h.feed.Batching = policy.Batching{Size: 20, Window: time.Second}
		h.feed.Pollers = policy.StandardPollers(2, false)
		h.send(30, "")
		h.start()
		h.wait(5 * time.Second)
		var sizes []int
		for _, c := range h.fn.seen() {
			sizes = append(sizes, len(c.Records))
		}
		slices.Sort(sizes)
		if want := []int{10, 20}; !slices.Equal(sizes, want) {
			t.Errorf("batches of %v records, want %v", sizes, want)
		}
		h.close()
	})
}

func TestWindowIsExact(t *testing.T) {
	for _, window := range []time.Duration{time.Second, 5 * time.Second, 65 * time.Second} {
		t.Run(window.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := open(t, sourcetest.QueueConfig{Visibility: 5 * time.Minute}, succeed)
				h.feed.Batching = policy.Batching{Size: 100, Window: window}
				h.start()
				h.wait(7500 * time.Millisecond)
				began := time.Now()
				h.send(3, "")
				h.wait(window / 2)
				h.send(2, "")
				if held := h.fn.held(); held != 0 {
					t.Errorf("%d permits are held while the window runs", held)
				}
				h.wait(window)
				calls := h.fn.seen()
				if len(calls) != 1 || len(calls[0].Records) != 5 || calls[0].At.Sub(began) != window {
					t.Errorf("calls %v, want one of five records after %v", calls, window)
				}
				h.close()
			})
		})
	}
}

func TestThrottledBatchIsRetriedInPlaceUntilItIsAboutToReturn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := open(t, sourcetest.QueueConfig{Visibility: 30 * time.Second, MaxReceives: 1}, func(event) (string, error) {
			return "", fmt.Errorf("remote: %w", esm.ErrThrottled)
		})
		h.send(3, "")
		began := time.Now()
		h.start()
		h.wait(29 * time.Second)
		calls := h.fn.seen()
		if last := calls[len(calls)-1].At.Sub(began); last != 29*time.Second {
			t.Errorf("the last try is after %v, want 29 s: a second before the messages return", last)
		}
		for _, c := range calls {
			if c.ID != calls[0].ID {
				t.Errorf("tries of one batch have the ids %s and %s", calls[0].ID, c.ID)
			}
		}
		left := told[trace.Left](h)
		if len(left) != 1 || left[0].Reason != trace.ReasonThrottled {
			t.Errorf("left %v, want the batch once, as Throttled", left)
		}
		h.close()
	})
}

func TestThrottledBatchRunsOnceItMay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		free := time.Now().Add(8 * time.Second)
		h := open(t, sourcetest.QueueConfig{MaxReceives: 1}, func(event) (string, error) {
			if time.Now().Before(free) {
				return "", esm.ErrThrottled
			}
			return "null", nil
		})
		h.send(3, "")
		h.start()
		h.wait(15 * time.Second)
		if left := h.queue.Len(); left > 0 {
			t.Errorf("%d messages are left", left)
		}
		h.close()
	})
}

func TestRefusedInvocationsSlowPollingDown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := open(t, sourcetest.QueueConfig{Visibility: time.Second}, func(event) (string, error) {
			return "", fmt.Errorf("no such function: %w", esm.ErrRefused)
		})
		h.send(1, "")
		h.start()
		h.wait(10 * time.Minute)
		if got := len(h.fn.seen()); got > 20 {
			t.Errorf("%d tries of a refused batch in ten minutes", got)
		}
		if h.queue.Len() != 1 {
			t.Error("the message is lost")
		}
		h.close()
	})
}

func TestReceiveErrorsAreSurvived(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		gone := errors.New("the queue does not exist")
		h := open(t, sourcetest.QueueConfig{ReceiveFaults: func(call int) sourcetest.Fault {
			if call <= 30 {
				return sourcetest.Undone(gone)
			}
			return sourcetest.Fault{}
		}}, succeed)
		h.send(10, "")
		h.start()
		h.wait(30 * time.Second)
		if got := h.queue.Receives(); got > 30 {
			t.Errorf("%d receives in half a minute of errors", got)
		}
		if failing := told[trace.Failing](h); len(failing) == 0 || !errors.Is(failing[0].Err, gone) {
			t.Errorf("told %v, want the error", failing)
		}
		h.wait(10 * time.Minute)
		if left := h.queue.Len(); left > 0 {
			t.Errorf("%d messages are left after the queue appeared", left)
		}
		h.close()
	})
}

func TestDeletesThatFail(t *testing.T) {
	lost := errors.New("connection reset")
	tests := map[string]struct {
		faults sourcetest.Faults
		tries  int // of each message
	}{
		"undone, then well":      {sourcetest.InTurn(sourcetest.Undone(lost), sourcetest.Undone(lost)), 1},
		"done, but nobody knows": {sourcetest.InTurn(sourcetest.Done(lost)), 1},
		"undone each time": {sourcetest.InTurn(sourcetest.Undone(lost), sourcetest.Undone(lost), sourcetest.Undone(lost),
			sourcetest.Undone(lost)), 2},
		"of one entry": {sourcetest.InTurn(sourcetest.Fault{Err: lost, Only: func(r esm.Record) bool {
			return r.ID[len(r.ID)-1] == '3'
		}}), 1},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := open(t, sourcetest.QueueConfig{DeleteFaults: test.faults}, succeed)
				h.send(5, "")
				h.start()
				h.wait(5 * time.Minute)
				tries := map[string]int{}
				for _, c := range h.fn.seen() {
					for _, r := range c.Records {
						tries[r.MessageID]++
					}
				}
				for id, n := range tries {
					if n != test.tries {
						t.Errorf("message %s was handled %d times, want %d", id, n, test.tries)
					}
				}
				if h.queue.Len() != 0 || len(tries) != 5 {
					t.Errorf("%d messages are left and %d were handled", h.queue.Len(), len(tries))
				}
				h.close()
			})
		})
	}
}

func TestStoppingFinishesWhatIsInHand(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := open(t, sourcetest.QueueConfig{}, takes(4*time.Second))
		h.feed.Batching.Size = 1
		h.send(50, "")
		h.start()
		h.wait(500 * time.Millisecond)
		began, running := time.Now(), h.fn.held()
		h.stop()
		<-h.ended
		if took := time.Since(began); took != 3500*time.Millisecond {
			t.Errorf("stopping took %v, want the 3.5 s that the invocations had left", took)
		}
		if got := len(h.queue.Deleted()); got != running {
			t.Errorf("%d messages deleted, want the %d that were in hand", got, running)
		}
		if got := h.queue.InFlight(); got != 0 {
			t.Errorf("%d messages are out of sight", got)
		}
		h.close()
	})
}

func TestStoppingEndsALongPollAndDeliversAnOpenWindow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := open(t, sourcetest.QueueConfig{Visibility: 10 * time.Minute}, succeed)
		h.feed.Batching = policy.Batching{Size: 100, Window: 300 * time.Second}
		h.start()
		h.wait(time.Minute)
		h.send(3, "")
		h.wait(time.Minute)
		began := time.Now()
		h.stop()
		<-h.ended
		if took := time.Since(began); took != 0 {
			t.Errorf("stopping took %v", took)
		}
		if left := h.queue.Len(); left > 0 {
			t.Errorf("%d messages of an open window are left", left)
		}
		h.close()
	})
}

func TestEndOfWorkLeavesWhatCannotBeFinished(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := open(t, sourcetest.QueueConfig{}, func(event) (string, error) { return "", esm.ErrThrottled })
		h.send(3, "")
		h.start()
		h.wait(time.Second)
		h.stop()
		h.wait(time.Second)
		h.kill()
		<-h.ended
		if h.queue.Len() != 3 {
			t.Errorf("%d messages are left, want 3", h.queue.Len())
		}
		h.close()
	})
}

// Also of what waited for the next batch it is told what becomes of it.
func TestEndOfWorkLeavesWhatIsCarried(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := open(t, sourcetest.QueueConfig{}, func(event) (string, error) { return "", esm.ErrThrottled })
		h.feed.Batching = policy.Batching{Size: 10, MaxBytes: 1400}
		h.send(5, "")
		h.start()
		h.wait(time.Second)
		h.stop()
		h.kill()
		<-h.ended
		left := 0
		for _, l := range told[trace.Left](h) {
			if l.Reason != trace.ReasonStopping {
				t.Errorf("left %d records for %s, want %s", len(l.Records), l.Reason, trace.ReasonStopping)
			}
			left += len(l.Records)
		}
		if left != 5 {
			t.Errorf("%d records are told to be left, want 5", left)
		}
		h.close()
	})
}

func TestTwoMappingsShareAFunctionsPermits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		busy := open(t, sourcetest.QueueConfig{Visibility: time.Hour}, takes(time.Second))
		busy.fn.permits = 2
		quiet := open(t, sourcetest.QueueConfig{MaxReceives: 1}, nil)
		quiet.fn, quiet.feed.Invoker = busy.fn, busy.fn
		busy.send(5000, "")
		busy.start()
		quiet.start()
		busy.wait(30 * time.Second)
		quiet.send(1, "")
		busy.wait(5 * time.Second)
		if quiet.queue.Len() != 0 {
			t.Error("a busy mapping starves a quiet one")
		}
		busy.stop()
		quiet.stop()
		<-busy.ended
		<-quiet.ended
		busy.kill()
		quiet.kill()
	})
}

func TestProvisionedPollersReceiveTenTimesASecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := open(t, sourcetest.QueueConfig{Visibility: time.Hour}, succeed)
		h.feed.Provisioned = true
		h.feed.Pollers = policy.ProvisionedPollers(2, 2, false)
		h.feed.Batching.Size = 1
		h.send(2000, "")
		h.start()
		h.wait(10 * time.Second)
		// Two pollers, ten a second each, and the ten that each may make at once to begin with.
		if got := h.queue.Receives(); got < 200 || got > 225 {
			t.Errorf("%d receives in ten seconds, want about 200", got)
		}
		h.close()
	})
}

// farAway is a queue that does not answer until its caller gives up.
type farAway struct{ esm.Queue }

func (farAway) Receive(ctx context.Context, _ int, _ time.Duration) ([]esm.Record, error) {
	<-ctx.Done()
	return nil, ctx.Err()
}

func TestStoppingDoesNotWaitForAQueueOutOfReach(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := open(t, sourcetest.QueueConfig{}, succeed)
		h.feed.Queue = farAway{}
		h.start()
		h.wait(time.Second)
		began := time.Now()
		h.stop()
		<-h.ended
		if took := time.Since(began); took != shortCall {
			t.Errorf("stopping took %v, want %v", took, shortCall)
		}
		h.close()
	})
}

func TestAVisibilityTimeoutOfASecondIsEnough(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := open(t, sourcetest.QueueConfig{Visibility: time.Second, MaxReceives: 1}, succeed)
		h.start()
		h.wait(10 * time.Second)
		h.send(5, "")
		h.wait(10 * time.Second)
		h.close()
		if dead, deleted := len(h.queue.Dead()), len(h.queue.Deleted()); dead != 0 || deleted != 5 {
			t.Errorf("%d messages died and %d were deleted, want 0 and 5", dead, deleted)
		}
	})
}
