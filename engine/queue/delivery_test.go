package queue

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/esm-run/esm"
	"github.com/esm-run/esm/engine/enginetest"
	"github.com/esm-run/esm/sources/sourcetest"
	"github.com/esm-run/esm/trace"
)

// As recorded on AWS.
func TestFailedMessages(t *testing.T) {
	handler := enginetest.InTurn(enginetest.Report("m1", "m2", "m3"), enginetest.Report("m3"))
	bubble(t, sourcetest.QueueConfig{Visibility: 8 * time.Second, FIFO: true, MaxReceives: 2}, handler, func(r *rig) {
		r.feed.Report = true
		r.send(4, "m")
		r.runFor(5 * time.Minute)
		r.WantCalls("m0/1 m1/1 m2/1 m3/1", "m1/2 m2/2 m3/2")
		r.wantQueue(3, 0, 1)
		if calls := r.Function.Calls(); calls[1].At.Sub(calls[0].At) < 8*time.Second {
			r.Error("messages came back before their visibility timeout")
		}
	})
}

func TestAVisibilityTimeoutOfASecondIsEnough(t *testing.T) {
	bubble(t, sourcetest.QueueConfig{Visibility: time.Second, MaxReceives: 1}, enginetest.Succeed, func(r *rig) {
		r.runFor(10 * time.Second)
		r.send(5, "")
		r.Wait(10 * time.Second)
		r.wantQueue(5, 0, 0)
	})
}

func TestThrottledBatchIsRetriedInPlaceUntilItIsAboutToReturn(t *testing.T) {
	handler := enginetest.Fail(fmt.Errorf("remote: %w", esm.ErrThrottled))
	bubble(t, sourcetest.QueueConfig{Visibility: 30 * time.Second, MaxReceives: 1}, handler, func(r *rig) {
		r.send(3, "")
		began := time.Now()
		r.runFor(29 * time.Second)
		calls := r.Function.Calls()
		if last := calls[len(calls)-1].At.Sub(began); last != 29*time.Second {
			r.Errorf("the last try is after %v, want 29 s: a second before the messages return", last)
		}
		for _, c := range calls {
			if c.ID != calls[0].ID {
				r.Errorf("tries of one batch have the IDs %s and %s", calls[0].ID, c.ID)
			}
		}
		r.wantLeft(3, trace.ReasonThrottled)
	})
}

func TestRefusedInvocationsSlowPollingDown(t *testing.T) {
	handler := enginetest.Fail(fmt.Errorf("no such function: %w", esm.ErrRefused))
	bubble(t, sourcetest.QueueConfig{Visibility: time.Second}, handler, func(r *rig) {
		r.send(1, "")
		r.runFor(10 * time.Minute)
		if got := len(r.Function.Calls()); got > 20 {
			r.Errorf("%d tries of a refused batch in ten minutes", got)
		}
		r.wantQueue(0, 1, 0)
	})
}

func TestDeletesThatFail(t *testing.T) {
	lost := errors.New("connection reset")
	undone := sourcetest.Undone(lost)
	for name, test := range map[string]struct {
		faults sourcetest.Faults
		tries  int // of each message
	}{
		"undone twice":     {sourcetest.InTurn(undone, undone), 1},
		"done":             {sourcetest.InTurn(sourcetest.Done(lost)), 1},
		"undone each time": {sourcetest.InTurn(undone, undone, undone, undone), 2},
		"of one entry": {sourcetest.InTurn(sourcetest.Fault{Err: lost, Only: func(r esm.Record) bool {
			return r.ID[len(r.ID)-1] == '3'
		}}), 1},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, sourcetest.QueueConfig{DeleteFaults: test.faults}, enginetest.Succeed, func(r *rig) {
				r.send(5, "")
				r.runFor(5 * time.Minute)
				r.wantQueue(5, 0, 0)
				tries := 0
				for _, e := range r.Function.Calls() {
					tries += len(e.Records)
				}
				if tries != 5*test.tries {
					r.Errorf("5 messages were handled %d times, want %d", tries, 5*test.tries)
				}
			})
		})
	}
}
