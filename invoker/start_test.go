package invoker_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/esm-run/esm"
	"github.com/esm-run/esm/config"
	"github.com/esm-run/esm/invoker"
	"github.com/esm-run/esm/trace"
)

var errBroken = &invoker.Broken{
	Response: func(id string) esm.Response {
		return esm.Response{Fault: "broken for " + id, Status: 200}
	},
	Err: errors.New("no such file"),
}

func alwaysBroken(int) error { return errBroken }

// Callers that follow each other without a pause get the function's error each time, but no faster than the pauses allow.
func TestBrokenStartsSlowDown(t *testing.T) {
	bubble(t, func(r *rig) { r.fakeStarter.broken = alwaysBroken }, func(r *rig) {
		var want time.Duration
		for _, pause := range []time.Duration{0, 250 * ms, 500 * ms, second, 2 * second, 4 * second, 8 * second, 10 * second, 10 * second} {
			want += pause + second
			r.want(r.invoke(event{}), want, "broken for id")
		}
		time.Sleep(minute) // the pause is long over
		r.want(r.invoke(event{}), want+minute+second, "broken for id")
		r.wantStarts(10)
		for _, e := range seen[trace.Started](r) {
			if !errors.Is(e.Err, errBroken.Err) || e.Took != second {
				r.Errorf("got %+v", e)
			}
		}
	})
}

func TestSuccessEndsTheSlowdown(t *testing.T) {
	bubble(t, func(r *rig) {
		r.fakeStarter.broken = func(start int) error {
			if start == 3 || start == 5 {
				return nil
			}
			return errBroken
		}
	}, func(r *rig) {
		r.want(r.invoke(event{}), second, "broken for id")
		r.want(r.invoke(event{}), 2250*ms, "broken for id")
		r.want(r.invoke(event{Do: "die"}), 3750*ms, "3")
		synctest.Wait()
		r.want(r.invoke(event{}), 4750*ms, "broken for id") // no pause
		r.want(r.invoke(event{}), 6*second, "5")            // the first pause again
	})
}

// Each start that fails answers one of many callers. The rest do not wait through one pause after the other.
func TestBrokenStartAnswersOne(t *testing.T) {
	bubble(t, func(r *rig) {
		r.fakeStarter.broken = alwaysBroken
		r.pool.Starts = 2
		r.pool.Function.ReservedConcurrentExecutions = new(5)
	}, func(r *rig) {
		wave := func(at time.Duration, broken, notRun int) {
			r.Helper()
			var calls []<-chan answer
			for range broken + notRun {
				calls = append(calls, r.later(event{}))
				synctest.Wait()
			}
			for i, ch := range calls {
				if got := <-ch; i < broken {
					r.want(got, at, "broken for id")
				} else {
					r.wantErr(got, at, esm.ErrNotRun)
					if !strings.Contains(got.Err.Error(), "no such file") {
						r.Errorf("%v does not give the reason", got.Err)
					}
				}
			}
		}
		wave(second, 2, 3)
		wave(2250*ms, 1, 4) // two failures together count as one; now they are tried one at a time
		wave(3750*ms, 1, 4)
		r.wantStarts(4)
	})
}

// While an environment is busy, callers may wait for it even though new ones do not start.
func TestBrokenStartAndBusyEnvironment(t *testing.T) {
	bubble(t, func(r *rig) {
		r.pool.Starts = 1
		r.fakeStarter.broken = func(start int) error {
			if start == 1 {
				return nil
			}
			return errBroken
		}
	}, func(r *rig) {
		a := r.later(event{Take: 5 * second})
		time.Sleep(2 * second)
		b := r.later(event{})
		synctest.Wait()
		c := r.later(event{})
		r.want(<-b, 3*second, "broken for id")
		r.want(<-c, 4250*ms, "broken for id")
		d := r.later(event{}) // the next start is due at 4.75 s, to fail at 5.75 s
		r.want(<-a, 6*second, "1")
		r.want(<-d, 5750*ms, "broken for id")
		e := r.later(event{})
		r.want(<-e, 6*second, "1")
		r.wantStarts(4)
	})
}

func TestNoStartIfNobodyWaitsAfterThePause(t *testing.T) {
	bubble(t, func(r *rig) { r.fakeStarter.broken = alwaysBroken }, func(r *rig) {
		r.invoke(event{})
		r.wantErr(r.invokeWithin(100*ms, event{}), 1100*ms, esm.ErrNotRun)
		time.Sleep(minute)
		r.wantStarts(1)
	})
}

// An error other than a *Broken is the machine's, not the function's.
func TestMachineError(t *testing.T) {
	trouble := errors.New("no more processes")
	bubble(t, func(r *rig) { r.fakeStarter.broken = func(int) error { return trouble } }, func(r *rig) {
		got := r.invoke(event{})
		r.wantErr(got, second, esm.ErrNotRun)
		r.wantErr(got, second, trouble)
	})
}

func TestCloseWaitsForInvocations(t *testing.T) {
	bubble(t, nil, func(r *rig) {
		a := r.later(event{})
		r.want(<-a, second, "1")
		a = r.later(event{Take: 5 * second, Drain: second})
		r.SetLocal(&invoker.Pool{Function: config.Function{Name: "g"}, Starter: r.fakeStarter})
		g := r.later(event{Take: 4 * second, In: "g"}) // after a second for the start
		time.Sleep(second)
		synctest.Wait()
		ctx, cancel := context.WithTimeout(r.Context(), minute)
		defer cancel()
		r.Close(ctx)
		r.wantElapsed(7 * second) // the answer, and the drain
		r.want(<-a, 6*second, "1")
		r.want(<-g, 6*second, "2")
		r.wantErr(r.invoke(event{}), 7*second, esm.ErrNotRun)
		r.Close(ctx)
	})
}

func TestCloseKillsWhenItsContextEnds(t *testing.T) {
	bubble(t, nil, func(r *rig) {
		runs, drains := r.later(event{Take: time.Hour}), r.later(event{Drain: time.Hour})
		if got := <-drains; got.At != second || got.Err != nil {
			r.Errorf("got %+v", got)
		}
		synctest.Wait()
		ctx, cancel := context.WithTimeout(r.Context(), minute)
		defer cancel()
		r.Close(ctx)
		r.wantElapsed(second + minute)
		got := <-runs
		if got.Err == nil || errors.Is(got.Err, esm.ErrNotRun) || got.At != second+minute {
			r.Errorf("got %+v, want an error that does not say whether it ran", got)
		}
		r.wantAlive(0)
	})
}

func TestCloseUnusedPool(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &invoker.Pool{Function: config.Function{Name: "f"}}
		p.Close(t.Context())
		p.Close(t.Context())
	})
}
