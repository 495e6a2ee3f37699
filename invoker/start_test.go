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
	onStage(t, func(s *stage) { s.machine.broken = alwaysBroken }, func(s *stage) {
		var want time.Duration
		for _, pause := range []time.Duration{0, 250 * ms, 500 * ms, second, 2 * second, 4 * second, 8 * second, 10 * second, 10 * second} {
			want += pause + second
			s.want(s.invoke(event{}), want, "broken for id")
		}
		time.Sleep(minute) // the pause is long over
		s.want(s.invoke(event{}), want+minute+second, "broken for id")
		s.wantStarts(10)
		for _, e := range seen[trace.Started](s) {
			if !errors.Is(e.Err, errBroken.Err) || e.Took != second {
				s.Errorf("got %+v", e)
			}
		}
	})
}

func TestSuccessEndsTheSlowdown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, func(s *stage) {
			s.machine.broken = func(start int) error {
				if start == 3 || start == 5 {
					return nil
				}
				return errBroken
			}
		})
		s.want(s.invoke(event{}), second, "broken for id")
		s.want(s.invoke(event{}), 2250*ms, "broken for id")
		s.want(s.invoke(event{Do: "die"}), 3750*ms, "3")
		synctest.Wait()
		s.want(s.invoke(event{}), 4750*ms, "broken for id") // no pause
		s.want(s.invoke(event{}), 6*second, "5")            // the first pause again
	})
}

// Each start that fails answers one of many callers. The rest do not wait through one pause after the other.
func TestBrokenStartAnswersOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, func(s *stage) {
			s.machine.broken = alwaysBroken
			s.pool.Starts = 2
			s.pool.Function.ReservedConcurrentExecutions = new(5)
		})
		wave := func(at time.Duration, broken, notRun int) {
			t.Helper()
			var calls []<-chan answer
			for range broken + notRun {
				calls = append(calls, s.later(event{}))
				synctest.Wait()
			}
			for i, ch := range calls {
				if got := <-ch; i < broken {
					s.want(got, at, "broken for id")
				} else {
					s.wantErr(got, at, esm.ErrNotRun)
					if !strings.Contains(got.Err.Error(), "no such file") {
						t.Errorf("%v does not give the reason", got.Err)
					}
				}
			}
		}
		wave(second, 2, 3)
		wave(2250*ms, 1, 4) // two failures together count as one; now they are tried one at a time
		wave(3750*ms, 1, 4)
		s.wantStarts(4)
	})
}

// While an environment is busy, callers may wait for it even though new ones do not start.
func TestBrokenStartAndBusyEnvironment(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, func(s *stage) {
			s.pool.Starts = 1
			s.machine.broken = func(start int) error {
				if start == 1 {
					return nil
				}
				return errBroken
			}
		})
		a := s.later(event{Take: 5 * second})
		time.Sleep(2 * second)
		b := s.later(event{})
		synctest.Wait()
		c := s.later(event{})
		s.want(<-b, 3*second, "broken for id")
		s.want(<-c, 4250*ms, "broken for id")
		d := s.later(event{}) // the next start is due at 4.75 s, to fail at 5.75 s
		s.want(<-a, 6*second, "1")
		s.want(<-d, 5750*ms, "broken for id")
		e := s.later(event{})
		s.want(<-e, 6*second, "1")
		s.wantStarts(4)
	})
}

func TestNoStartIfNobodyWaitsAfterThePause(t *testing.T) {
	onStage(t, func(s *stage) { s.machine.broken = alwaysBroken }, func(s *stage) {
		s.invoke(event{})
		ctx, cancel := context.WithTimeout(s.Context(), 100*ms)
		defer cancel()
		s.wantErr(s.answer(s.Functions.Invoke(ctx, call(event{}))), 1100*ms, esm.ErrNotRun)
		time.Sleep(minute)
		s.wantStarts(1)
	})
}

// An error other than a *Broken is the machine's, not the function's.
func TestMachineError(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		trouble := errors.New("no more processes")
		s := newStage(t, func(s *stage) { s.machine.broken = func(int) error { return trouble } })
		got := s.invoke(event{})
		s.wantErr(got, second, esm.ErrNotRun)
		s.wantErr(got, second, trouble)
	})
}

func TestCloseWaitsForInvocations(t *testing.T) {
	onStage(t, nil, func(s *stage) {
		a := s.later(event{})
		s.want(<-a, second, "1")
		a = s.later(event{Take: 5 * second, Drain: second})
		s.SetLocal(&invoker.Pool{Function: config.Function{Name: "g"}, Starter: s.machine})
		g := s.later(event{Take: 4 * second, In: "g"}) // after a second for the start
		time.Sleep(second)
		synctest.Wait()
		ctx, cancel := context.WithTimeout(s.Context(), minute)
		defer cancel()
		s.Close(ctx)
		if got := time.Since(s.began); got != 7*second {
			s.Errorf("closed after %v, want 7s: the answer, and the drain", got)
		}
		s.want(<-a, 6*second, "1")
		s.want(<-g, 6*second, "2")
		s.wantErr(s.invoke(event{}), 7*second, esm.ErrNotRun)
		s.Close(ctx)
	})
}

func TestCloseKillsWhenItsContextEnds(t *testing.T) {
	onStage(t, nil, func(s *stage) {
		runs, drains := s.later(event{Take: time.Hour}), s.later(event{Drain: time.Hour})
		if got := <-drains; got.At != second || got.Err != nil {
			s.Errorf("got %+v", got)
		}
		synctest.Wait()
		ctx, cancel := context.WithTimeout(s.Context(), minute)
		defer cancel()
		s.Close(ctx)
		if got := time.Since(s.began); got != second+minute {
			s.Errorf("closed after %v", got)
		}
		got := <-runs
		if got.Err == nil || errors.Is(got.Err, esm.ErrNotRun) || got.At != second+minute {
			s.Errorf("got %+v, want an error that does not say whether it ran", got)
		}
		s.wantAlive(0)
	})
}

func TestCloseUnusedPool(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &invoker.Pool{Function: config.Function{Name: "f"}}
		p.Close(t.Context())
		p.Close(t.Context())
	})
}
