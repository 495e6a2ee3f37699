package invoker_test

import (
	"context"
	"errors"
	"slices"
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
		return esm.Response{Fault: "Runtime.InvalidEntrypoint", Payload: []byte(`"` + id + `"`), Status: 200}
	},
	Err: errors.New("no such file"),
}

func alwaysBroken(int) error { return errBroken }

// One caller after the other asks at once when the last was answered: it gets the function's error each time, but not
// faster than the pauses allow.
func TestBrokenStartsSlowDown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, func(s *stage) { s.machine.broken = alwaysBroken })
		var want time.Duration
		for _, pause := range []time.Duration{0, 250 * ms, 500 * ms, second, 2 * second, 4 * second, 8 * second, 10 * second, 10 * second} {
			want += pause + second
			s.want(s.invoke(event{}), want, "Runtime.InvalidEntrypoint")
		}
		time.Sleep(minute) // the pause is long over
		s.want(s.invoke(event{}), want+minute+second, "Runtime.InvalidEntrypoint")
		s.wantStarts(10)
		for _, e := range seen[trace.Started](s) {
			if !errors.Is(e.Err, errBroken.Err) || e.Took != second {
				t.Errorf("told %+v", e)
			}
		}
	})
}

// Each of those who wait for a start is answered with a text that names its own invocation.
func TestBrokenStartNamesTheInvocation(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, func(s *stage) { s.machine.broken = alwaysBroken })
		for _, id := range []string{"first", "second"} {
			c := call(event{})
			c.ID = id
			resp, err := s.Functions.Invoke(t.Context(), c)
			if want := `"` + id + `"`; err != nil || string(resp.Payload) != want {
				t.Errorf("got %s, %v; want %s", resp.Payload, err, want)
			}
		}
	})
}

func TestSuccessEndsTheTrouble(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, func(s *stage) {
			s.machine.broken = func(start int) error {
				if start == 3 || start == 5 {
					return nil
				}
				return errBroken
			}
		})
		s.want(s.invoke(event{}), second, "Runtime.InvalidEntrypoint")
		s.want(s.invoke(event{}), 2250*ms, "Runtime.InvalidEntrypoint")
		s.want(s.invoke(event{Do: "die"}), 3750*ms, "3")
		synctest.Wait()
		s.want(s.invoke(event{}), 4750*ms, "Runtime.InvalidEntrypoint") // no pause
		s.want(s.invoke(event{}), 6*second, "5")                        // the first pause again
	})
}

// Many wait for starts that fail: as many as were tried are answered, and the others need not wait for their turn
// through one pause after the other.
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
					s.want(got, at, "Runtime.InvalidEntrypoint")
				} else {
					s.wantErr(got, at, esm.ErrNotRun)
					if !strings.Contains(got.Err.Error(), "no such file") {
						t.Errorf("no word of the reason: %v", got.Err)
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

// While an environment is at work somebody may still wait for it, whatever becomes of new ones.
func TestBrokenStartLeavesOthersTheirTurn(t *testing.T) {
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
		s.want(<-b, 3*second, "Runtime.InvalidEntrypoint")
		s.want(<-c, 4250*ms, "Runtime.InvalidEntrypoint")
		d := s.later(event{}) // the next start is due at 4.75 s, to fail at 5.75 s
		s.want(<-a, 6*second, "1")
		s.want(<-d, 5750*ms, "Runtime.InvalidEntrypoint")
		e := s.later(event{})
		s.want(<-e, 6*second, "1")
		s.wantStarts(4)
	})
}

// Nobody waits any more when the pause is over: nothing is started.
func TestPauseForNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, func(s *stage) { s.machine.broken = alwaysBroken })
		s.invoke(event{})
		ctx, cancel := context.WithTimeout(t.Context(), 100*ms)
		defer cancel()
		s.wantErr(s.answer(s.Functions.Invoke(ctx, call(event{}))), 1100*ms, esm.ErrNotRun)
		time.Sleep(minute)
		s.wantStarts(1)
	})
}

// An error that is no *Broken is the machine's, not the function's.
func TestMachineTrouble(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		trouble := errors.New("no more processes")
		s := newStage(t, func(s *stage) { s.machine.broken = func(int) error { return trouble } })
		got := s.invoke(event{})
		s.wantErr(got, second, esm.ErrNotRun)
		s.wantErr(got, second, trouble)
	})
}

func TestCloseLetsEndWhatRuns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, nil)
		a := s.later(event{})
		s.want(<-a, second, "1")
		a = s.later(event{Take: 5 * second, Drain: second})
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), minute)
		defer cancel()
		s.Close(ctx)
		if got := time.Since(s.began); got != 7*second {
			t.Errorf("closed after %v, want 7s: the answer, and the drain", got)
		}
		s.want(<-a, 6*second, "1")
		s.wantErr(s.invoke(event{}), 7*second, esm.ErrNotRun)
		s.Close(ctx)
	})
}

func TestCloseKillsWhatStays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, nil)
		runs, drains := s.later(event{Take: time.Hour}), s.later(event{Drain: time.Hour})
		if got := <-drains; got.At != second || got.Err != nil {
			t.Errorf("got %+v", got)
		}
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), minute)
		defer cancel()
		s.Close(ctx)
		if got := time.Since(s.began); got != second+minute {
			t.Errorf("closed after %v", got)
		}
		got := <-runs
		if got.Err == nil || errors.Is(got.Err, esm.ErrNotRun) || got.At != second+minute {
			t.Errorf("got %+v, want an error that leaves open whether it ran", got)
		}
		if got := s.living(); len(got) > 0 {
			t.Errorf("alive: %v", got)
		}
	})
}

func TestCloseEndsStartsAndWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, func(s *stage) { s.pool.Starts = 1 })
		calls := []<-chan answer{s.later(event{}), s.later(event{}), s.later(event{})}
		time.Sleep(300 * ms)
		s.Close(t.Context())
		for _, ch := range calls {
			s.wantErr(<-ch, 300*ms, esm.ErrNotRun)
		}
		if got := time.Since(s.began); got != 300*ms {
			t.Errorf("closed after %v", got)
		}
		errs := 0
		for _, e := range seen[trace.Started](s) {
			if e.Err != nil {
				errs++
			}
		}
		if errs != 1 {
			t.Errorf("%d starts ended, want 1", errs)
		}
	})
}

func TestCloseOfWhatWasNeverUsed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &invoker.Pool{Function: config.Function{Name: "f"}}
		p.Close(t.Context())
		p.Close(t.Context())
	})
}

// Two functions' pools close side by side.
func TestCloseIsSideBySide(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, nil)
		other := &invoker.Pool{Function: config.Function{Name: "g"}, Starter: s.machine}
		s.SetLocal(other)
		f := s.later(event{Take: 9 * second})
		c := call(event{Take: 9 * second})
		c.Function = "g"
		g := make(chan answer, 1)
		go func() { g <- s.answer(s.Functions.Invoke(t.Context(), c)) }()
		time.Sleep(2 * second)
		s.Close(t.Context())
		if got := time.Since(s.began); got != 10*second {
			t.Errorf("closed after %v, want 10s", got)
		}
		ends := []answer{<-f, <-g}
		if slices.ContainsFunc(ends, func(a answer) bool { return a.Err != nil }) {
			t.Errorf("got %+v", ends)
		}
	})
}
