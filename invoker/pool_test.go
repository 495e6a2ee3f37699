package invoker_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/esm-run/esm"
	"github.com/esm-run/esm/trace"
)

const (
	ms     = time.Millisecond
	second = time.Second
	minute = time.Minute
)

// A caller that calls again as soon as it has its answer does not start a second environment.
func TestSequentialCallsUseOneEnvironment(t *testing.T) {
	for _, tt := range []struct {
		name    string
		permits int
		drain   time.Duration
	}{
		{"nothing to drain", 3, 0},
		{"drains within the grace", 3, 9 * ms},
		{"one permit", 1, 9 * ms},
	} {
		t.Run(tt.name, func(t *testing.T) {
			bubble(t, func(r *rig) { r.pool.Function.ReservedConcurrentExecutions = &tt.permits }, func(r *rig) {
				for i := range time.Duration(100) {
					r.want(r.invoke(event{Take: 10 * ms, Drain: tt.drain}), second+(i+1)*10*ms+i*tt.drain, "1")
				}
				r.wantStarts(1)
			})
		})
	}
}

func TestLongDrainStartsAnother(t *testing.T) {
	bubble(t, nil, func(r *rig) {
		r.want(r.invoke(event{Drain: minute}), second, "1")
		r.want(r.invoke(event{}), 2*second+10*ms, "2")
	})
}

func TestLastUsedIsUsedFirst(t *testing.T) {
	bubble(t, nil, func(r *rig) {
		short, long := r.later(event{Take: second}), r.later(event{Take: 2 * second})
		<-short
		last := <-long
		for i := range time.Duration(3) {
			synctest.Wait()
			r.want(r.invoke(event{Take: second}), last.At+(i+1)*second, last.By)
		}
		r.wantStarts(2)
	})
}

func TestIdleEnvironmentsEnd(t *testing.T) {
	bubble(t, func(r *rig) { r.pool.IdleTimeout = minute }, func(r *rig) {
		a, b := r.later(event{}), r.later(event{Take: 30 * second})
		<-a
		<-b
		time.Sleep(30*second - 1)
		r.wantAlive(2)
		time.Sleep(time.Nanosecond)
		r.wantAlive(1)
		time.Sleep(30 * second)
		r.wantAlive(0)
	})
}

func TestOldEnvironmentsEnd(t *testing.T) {
	for _, used := range []bool{false, true} {
		bubble(t, func(r *rig) { r.pool.IdleTimeout, r.pool.MaxAge = 100*time.Hour, 10*time.Hour }, func(r *rig) {
			r.want(r.invoke(event{}), second, "1")
			through := func(age time.Duration) {
				for time.Since(r.began) < second+age {
					if used { // without a pause, so that it never becomes idle
						r.invoke(event{Take: minute, Drain: ms})
					} else {
						time.Sleep(minute)
					}
				}
				synctest.Wait()
			}
			through(9*time.Hour - 2*minute)
			if got := r.living(); !slices.Equal(got, []int{1}) {
				r.Fatalf("used %v: alive before its time: %v", used, got)
			}
			through(10*time.Hour + minute)
			if got := r.living(); slices.Contains(got, 1) {
				r.Errorf("used %v: alive after its time: %v", used, got)
			}
		})
	}
}

// An invocation takes the first environment that is free; the one that was started for it stays idle.
func TestFreedBeforeStarted(t *testing.T) {
	bubble(t, nil, func(r *rig) {
		a := r.later(event{Take: 500 * ms})
		time.Sleep(1200 * ms)
		b := r.later(event{Take: minute}) // asks for a start, ready at 2.2 s
		r.want(<-a, 1500*ms, "1")
		synctest.Wait()
		c := r.later(event{})
		r.want(<-c, 2200*ms, "2") // the start was for b, who has the one that a left
		r.want(<-b, minute+1500*ms, "1")
		r.wantStarts(2)
	})
}

func TestStartsAreLimited(t *testing.T) {
	bubble(t, func(r *rig) {
		r.pool.Starts = 2
		r.pool.Function.ReservedConcurrentExecutions = new(5)
	}, func(r *rig) {
		var calls []<-chan answer
		for range 5 {
			calls = append(calls, r.later(event{Take: minute}))
		}
		time.Sleep(time.Nanosecond)
		for _, want := range []int{0, 2, 4, 5} {
			r.wantAlive(want)
			time.Sleep(second)
		}
		for _, ch := range calls {
			<-ch
		}
		r.wantStarts(5)
	})
}

func TestCallerLeavesWhileStarting(t *testing.T) {
	bubble(t, nil, func(r *rig) {
		enough := errors.New("enough")
		ctx, cancel := context.WithTimeoutCause(r.Context(), 300*ms, enough)
		defer cancel()
		got := r.answer(r.Functions.Invoke(ctx, call(event{})))
		r.wantErr(got, 300*ms, esm.ErrNotRun)
		r.wantErr(got, 300*ms, enough)
		r.wantInUse(0)
		r.want(r.invoke(event{}), second, "1") // the start goes on
		r.wantStarts(1)
	})
}

func TestCallerLeavesWhileRunning(t *testing.T) {
	bubble(t, nil, func(r *rig) {
		got := r.invokeWithin(3*second, event{Take: minute})
		r.wantErr(got, 3*second, context.DeadlineExceeded)
		if errors.Is(got.Err, esm.ErrNotRun) {
			r.Error("the handler saw the event")
		}
		r.want(r.invoke(event{}), 3*second, "1") // reset, not replaced
	})
}

func TestFaultKeepsEnvironmentCrashReplacesIt(t *testing.T) {
	bubble(t, nil, func(r *rig) {
		r.want(r.invoke(event{Do: "fail"}), second, "Unhandled")
		r.want(r.invoke(event{Do: "crash"}), second, "Runtime.ExitError")
		r.want(r.invoke(event{Do: "die"}), second, "1") // it had answered
		r.wantAlive(0)
		r.want(r.invoke(event{}), 2*second, "2")
	})
}

func TestEnvironmentsAreTracedOnChange(t *testing.T) {
	bubble(t, nil, func(r *rig) {
		r.invoke(event{Drain: 2 * second})
		r.invoke(event{})
		time.Sleep(minute)
		r.Close(r.Context())
		want := [][2]int{{1, 1}, {2, 2}, {2, 1}, {2, 0}, {1, 1}, {0, 0}}
		var got [][2]int
		for _, e := range seen[trace.Environments](r) {
			got = append(got, [2]int{e.Alive, e.Busy})
		}
		if !slices.Equal(got, want) {
			r.Errorf("got %v, want %v", got, want)
		}
		for _, e := range seen[trace.Started](r) {
			if e.Function != "f" || e.Took != second || e.Err != nil {
				r.Errorf("got %+v", e)
			}
		}
	})
}
