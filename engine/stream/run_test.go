package stream

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/esm-run/esm"
	"github.com/esm-run/esm/checkpoint/checkpointtest"
	"github.com/esm-run/esm/engine/enginetest"
	"github.com/esm-run/esm/engine/policy"
	"github.com/esm-run/esm/sources/sourcetest"
	"github.com/esm-run/esm/trace"
)

// Records carry no trace header: each batch begins a chain, in which the function has run once.
func TestABatchBeginsATrace(t *testing.T) {
	bubble(t, sourcetest.StreamConfig{}, enginetest.Succeed, func(r *rig) {
		r.put(3)
		r.runFor(time.Minute)
		for _, call := range r.Function.Calls() {
			if !esm.IsTraceHeader(call.TraceHeader) || policy.Passes(call.TraceHeader, r.feed.Function) != 1 {
				t.Errorf("the trace header is %q", call.TraceHeader)
			}
		}
		r.WantCalls("1-3")
	})
}

func TestRecordsGrowTooOldWhileNoPermitIsFree(t *testing.T) {
	bubble(t, sourcetest.StreamConfig{}, enginetest.Succeed, func(r *rig) {
		r.feed.Rules.MaxAge, r.Function.Permits = time.Minute, 1
		slot, _ := r.Function.Reserve(r.Context(), "f")
		defer slot.Release()
		r.put(2)
		r.runFor(59 * time.Second)
		if dropped := enginetest.Events[trace.Dropped](r.Rig); len(dropped) != 0 {
			r.Errorf("dropped too early: %+v", dropped)
		}
		r.Wait(2 * time.Second)
		r.wantNotice(esm.RecordAgeExceeded, 2, 1)
		r.put(1)
		r.Wait(2 * time.Second)
		began := time.Now()
		r.Stop() // which ends the wait for a permit
		<-r.Ended
		if took := time.Since(began); took != 0 {
			r.Errorf("stopping took %v", took)
		}
	})
}

// hanging is a destination that accepts nothing and does not answer.
type hanging struct{}

func (hanging) Send(ctx context.Context, _ esm.Notice) error {
	<-ctx.Done()
	return ctx.Err()
}

// Crashes at the worst moments cost no more invocations than there may be, also of a window's final one.
func TestACrashCostsNoTry(t *testing.T) {
	for _, windows := range []bool{false, true} {
		for _, moment := range []string{"during a retry", "during a pause", "while the notice is sent"} {
			t.Run(fmt.Sprintf("%s, windows %v", moment, windows), func(t *testing.T) {
				bubble(t, sourcetest.StreamConfig{}, nil, func(r *rig) {
					tried, failed := map[string]int{}, make(chan struct{}, 1)
					r.Function.Handler = func(e enginetest.Event) (string, error) {
						if windows && !e.Final {
							return enginetest.Count(e)
						}
						if tried[e.ID]++; tried[e.ID] > 1 && moment == "during a retry" {
							r.Stop()
							r.Kill()
						}
						failed <- struct{}{}
						return enginetest.Throw(e)
					}
					r.feed.Rules.MaxRetries = 2
					if windows {
						r.feed.Tumbling.Length = time.Minute
					}
					if moment == "while the notice is sent" {
						r.feed.Destination = hanging{}
					}
					r.put(1)
					for range 9 {
						r.start()
						for range 3 {
							select {
							case <-failed:
								r.Wait(50 * time.Millisecond)
							case <-time.After(10 * time.Minute):
							}
							if moment == "during a pause" {
								break
							}
						}
						r.crash()
					}
					r.feed.Destination = r
					r.runFor(time.Minute)
					size := 1
					if windows {
						size = 0
					}
					r.wantNotice(esm.RetryAttemptsExhausted, size, 3)
					for id, n := range tried {
						if n != 3 || len(tried) != 1 {
							r.Errorf("%d tries of %s", n, id)
						}
					}
				})
			})
		}
	}
}

// A retry that turns out not to have run is not counted, nor one that did not start before the engine ended.
func TestARetryThatDidNotRunIsNotCounted(t *testing.T) {
	var ran, calls int
	handler := func(e enginetest.Event) (string, error) {
		if calls++; calls%2 == 0 {
			return "", esm.ErrNotRun
		}
		ran++
		return enginetest.Throw(e)
	}
	bubble(t, sourcetest.StreamConfig{}, handler, func(r *rig) {
		r.feed.Rules.MaxRetries = 5
		r.put(1)
		for range 99 { // most of them end during a pause
			r.runFor(300 * time.Millisecond)
			r.crash()
		}
		r.wantNotice(esm.RetryAttemptsExhausted, 1, 6)
		if ran != 6 {
			r.Errorf("it ran %d times", ran)
		}
	})
}

// full makes a store fail while it is set, except for the mapping's own row.
type full struct{ atomic.Bool }

func (f *full) fault(call int) checkpointtest.Fault {
	if f.Load() && call > 1 {
		return checkpointtest.Fault{Err: errors.New("no space left on device")}
	}
	return checkpointtest.Fault{}
}

// While nothing can be saved the shard stands still, and the function is not invoked again for what it has done.
func TestAFullDiskRepeatsNothing(t *testing.T) {
	bubble(t, sourcetest.StreamConfig{}, enginetest.Succeed, func(r *rig) {
		var disk full
		r.store.SaveFaults = disk.fault
		disk.Store(true)
		r.put(3)
		r.runFor(10 * time.Minute)
		if failing := len(enginetest.Events[trace.Failing](r.Rig)); failing < 10 {
			r.Errorf("the failure was reported %d times", failing)
		}
		disk.Store(false)
		r.Wait(time.Minute)
		r.put(2)
		r.Wait(time.Minute)
		r.WantCalls("1-3", "1-2")
	})
}

// A retry that cannot be saved is not made: it holds no permit meanwhile, and its records may become too old.
func TestARetryThatCannotBeSavedIsNotMade(t *testing.T) {
	bubble(t, sourcetest.StreamConfig{}, enginetest.Throw, func(r *rig) {
		var disk full
		r.store.SaveFaults = disk.fault
		r.feed.Rules.MaxAge = 5 * time.Minute
		r.put(1)
		r.runFor(8 * time.Second)
		tries := len(r.Function.Calls())
		disk.Store(true)
		r.Wait(2 * time.Minute)
		if held := r.Function.Held(); held != 0 {
			r.Errorf("%d permits are held while nothing can be saved", held)
		}
		disk.Store(false)
		r.Wait(time.Minute)
		if got := len(r.Function.Calls()); got == tries {
			r.Error("it is not tried again when it can be saved")
		}
		tries = len(r.Function.Calls())
		disk.Store(true)
		r.Wait(10 * time.Minute)
		disk.Store(false)
		r.Wait(time.Minute)
		r.wantNotice(esm.RecordAgeExceeded, 1, tries+1)
		if got := len(r.Function.Calls()); got != tries {
			r.Errorf("%d and then %d invocations", tries, got)
		}
	})
}
