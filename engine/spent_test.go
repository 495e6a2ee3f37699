package engine

import (
	"context"
	"errors"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/esm-run/esm"
	"github.com/esm-run/esm/checkpoint/checkpointtest"
	"github.com/esm-run/esm/engine/policy"
	"github.com/esm-run/esm/sources/sourcetest"
)

// hanging is a destination that takes nothing until it is left alone.
type hanging struct{}

func (hanging) Send(ctx context.Context, _ esm.Notice) error {
	<-ctx.Done()
	return ctx.Err()
}

// A crash while the notice is on its way costs no invocation more than there may be.
func TestTheLastTryCountsBeforeItsNotice(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := flow(t, sourcetest.StreamConfig{}, poison(false, "2"))
		r.feed.Rules = policy.Stream{MaxRetries: 1}
		r.feed.Destination = hanging{}
		r.put(3)
		for range 3 {
			r.start()
			r.wait(time.Minute)
			r.crash()
		}
		if got, want := story(r.fn.seen()), []string{"1-3", "1-3"}; !slices.Equal(got, want) {
			t.Errorf("invocations %v, want %v", got, want)
		}
		r.feed.Destination = r
		r.put(1)
		r.start()
		r.wait(time.Minute)
		r.close()
		if got, want := story(r.fn.seen()), []string{"1-3", "1-3", "1"}; !slices.Equal(got, want) {
			t.Errorf("invocations %v, want %v", got, want)
		}
		if len(r.notices) != 1 || r.notices[0].Invokes != 2 || r.notices[0].Stream.Size != 3 || r.notices[0].Condition != esm.RetryAttemptsExhausted ||
			r.notices[0].Response == nil || r.notices[0].Response.Fault == "" {
			t.Errorf("notices %+v", r.notices)
		}
	})
}

// deadly is a handler whose every try after the first of each run takes the engine with it.
func deadly(r **river) func(event) (string, error) {
	tried := map[string]bool{}
	return func(e event) (string, error) {
		if tried[e.ID] {
			(*r).stop()
			(*r).kill()
		}
		tried[e.ID] = true
		return "", faultError("Unhandled")
	}
}

// A retry that the engine does not outlive is counted: a record that kills it is not tried for ever.
func TestARetryCountsThatTakesTheEngineDown(t *testing.T) {
	for name, length := range map[string]time.Duration{"records": 0, "a window's final invocation": time.Minute} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var r *river
				deadly := deadly(&r)
				r = flow(t, sourcetest.StreamConfig{}, func(e event) (string, error) {
					if length > 0 && !e.Final {
						return `{"state":{}}`, nil
					}
					return deadly(e)
				})
				r.feed.Tumbling = policy.Tumbling{Length: length}
				r.feed.Rules = policy.Stream{MaxRetries: 3}
				r.put(1)
				for range 9 {
					r.start()
					r.wait(5 * time.Minute)
					r.crash()
				}
				tries := 0
				for _, e := range r.fn.seen() {
					if e.Final == (length > 0) {
						tries++
					}
				}
				if tries != 4 || len(r.notices) != 1 || r.notices[0].Invokes != 4 || r.notices[0].Response != nil {
					t.Errorf("%d tries, notices %+v", tries, r.notices)
				}
			})
		})
	}
}

// A retry is not counted when it turns out not to have been one, nor when the engine ends before it began.
func TestARetryThatDidNotRunIsNotCounted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var ran, calls int
		r := flow(t, sourcetest.StreamConfig{}, func(event) (string, error) {
			if calls++; calls%2 == 0 {
				return "", esm.ErrNotRun
			}
			ran++
			return "", faultError("Unhandled")
		})
		r.feed.Rules = policy.Stream{MaxRetries: 5}
		r.put(1)
		for range 99 { // most of them end during a pause
			r.start()
			r.wait(300 * time.Millisecond)
			r.crash()
		}
		if ran != 6 || len(r.notices) != 1 || r.notices[0].Invokes != 6 {
			t.Errorf("it ran %d times, notices %+v", ran, r.notices)
		}
	})
}

// The same goes for the final invocation of a window.
func TestTheLastFinalTryCountsBeforeItsNotice(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		finals := 0
		r := tumbling(t, func(e event) (string, error) {
			if e.Final {
				finals++
				return "", faultError("Unhandled")
			}
			return `{"state":{}}`, nil
		})
		r.feed.Rules = policy.Stream{MaxRetries: 0}
		r.feed.Destination = hanging{}
		r.put(1)
		for range 3 {
			r.start()
			r.wait(5 * time.Minute)
			r.crash()
		}
		r.feed.Destination = r
		r.start()
		r.wait(5 * time.Minute)
		r.close()
		if finals != 1 || len(r.notices) != 1 || r.notices[0].Invokes != 1 || !r.notices[0].Stream.Window.Final {
			t.Errorf("%d final invocations, notices %+v", finals, r.notices)
		}
	})
}

// What came of a final invocation is durable before the pause behind it.
func TestAFinalTryCountsBeforeItsPause(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		failed := make(chan struct{}, 1)
		r := tumbling(t, func(e event) (string, error) {
			if !e.Final {
				return `{"state":{}}`, nil
			}
			failed <- struct{}{}
			return "", faultError("Unhandled")
		})
		r.feed.Rules = policy.Stream{MaxRetries: 2}
		r.put(1)
		finals := 0
		for range 9 {
			r.start()
			select {
			case <-failed:
				finals++
				r.wait(50 * time.Millisecond)
			case <-time.After(10 * time.Minute):
			}
			r.crash() // in the pause
		}
		if finals != 3 || len(r.notices) != 1 || r.notices[0].Invokes != 3 {
			t.Errorf("%d final invocations, notices %+v", finals, r.notices)
		}
	})
}

// A retry that cannot be saved is not made: it holds no permit meanwhile, and its records may become too old.
func TestARetryThatCannotBeSavedIsNotMade(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var full atomic.Bool
		r := flow(t, sourcetest.StreamConfig{}, poison(false, "1"))
		r.store.SaveFaults = func(int) checkpointtest.Fault {
			if full.Load() {
				return checkpointtest.Fault{Err: errors.New("no space left on device")}
			}
			return checkpointtest.Fault{}
		}
		r.feed.Rules = policy.Stream{MaxRetries: -1, MaxAge: 5 * time.Minute}
		r.put(1)
		r.start()
		r.wait(8 * time.Second)
		tries := len(r.fn.seen())
		full.Store(true)
		r.wait(2 * time.Minute)
		if held := r.fn.held(); held != 0 {
			t.Errorf("%d permits are held while nothing can be saved", held)
		}
		full.Store(false)
		r.wait(time.Minute)
		if got := len(r.fn.seen()); got == tries {
			t.Error("it is not tried again when it can be saved")
		}
		tries = len(r.fn.seen())
		full.Store(true)
		r.wait(10 * time.Minute)
		full.Store(false)
		r.wait(time.Minute)
		r.close()
		if got := len(r.fn.seen()); got != tries || len(r.notices) != 1 || r.notices[0].Invokes != tries+1 || r.notices[0].Condition != esm.RecordAgeExceeded {
			t.Errorf("%d and then %d invocations, notices %+v", tries, got, r.notices)
		}
	})
}

// A limit that is lowered takes effect at once.
func TestALoweredLimitTakesEffectAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := flow(t, sourcetest.StreamConfig{}, poison(false, "1"))
		r.feed.Rules = policy.Stream{MaxRetries: -1}
		r.put(1)
		r.start()
		r.wait(2 * time.Second)
		r.close()
		before := len(r.fn.seen())
		r.feed.Rules = policy.Stream{MaxRetries: 1}
		r.start()
		r.wait(time.Minute)
		r.close()
		if now := len(r.fn.seen()); now != before || len(r.notices) != 1 || r.notices[0].Invokes != before {
			t.Errorf("%d invocations and then %d, notices %+v", before, now, r.notices)
		}
	})
}
