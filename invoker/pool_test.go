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
func TestTightSequenceStartsOnce(t *testing.T) {
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
			synctest.Test(t, func(t *testing.T) {
				s := newStage(t, func(s *stage) { s.pool.Function.ReservedConcurrentExecutions = &tt.permits })
				for i := range time.Duration(100) {
					s.want(s.invoke(event{Take: 10 * ms, Drain: tt.drain}), second+(i+1)*10*ms+i*tt.drain, "1")
				}
				s.wantStarts(1)
			})
		})
	}
}

func TestLongDrainStartsAnother(t *testing.T) {
	onStage(t, nil, func(s *stage) {
		s.want(s.invoke(event{Drain: minute}), second, "1")
		s.want(s.invoke(event{}), 2*second+10*ms, "2")
	})
}

func TestLastUsedIsUsedFirst(t *testing.T) {
	onStage(t, nil, func(s *stage) {
		short, long := s.later(event{Take: second}), s.later(event{Take: 2 * second})
		<-short
		last := <-long
		for i := range time.Duration(3) {
			synctest.Wait()
			s.want(s.invoke(event{Take: second}), last.At+(i+1)*second, last.By)
		}
		s.wantStarts(2)
	})
}

func TestIdleEnvironmentsEnd(t *testing.T) {
	onStage(t, func(s *stage) { s.pool.IdleTimeout = minute }, func(s *stage) {
		a, b := s.later(event{}), s.later(event{Take: 30 * second})
		<-a
		<-b
		time.Sleep(30*second - 1)
		s.wantAlive(2)
		time.Sleep(time.Nanosecond)
		s.wantAlive(1)
		time.Sleep(30 * second)
		s.wantAlive(0)
	})
}

func TestOldEnvironmentsEnd(t *testing.T) {
	for _, tt := range []struct {
		name string
		used bool
	}{{"idle", false}, {"in use", true}} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newStage(t, func(s *stage) {
					s.pool.IdleTimeout = 100 * time.Hour
					s.pool.MaxAge = 10 * time.Hour
				})
				s.want(s.invoke(event{}), second, "1")
				through := func(age time.Duration) {
					for time.Since(s.began) < second+age {
						if tt.used { // without a pause, so that it never becomes idle
							s.invoke(event{Take: minute, Drain: ms})
						} else {
							time.Sleep(minute)
						}
					}
					synctest.Wait()
				}
				through(9*time.Hour - 2*minute)
				if got := s.living(); !slices.Equal(got, []int{1}) {
					t.Fatalf("alive before its time: %v", got)
				}
				through(10*time.Hour + minute)
				if got := s.living(); slices.Contains(got, 1) {
					t.Errorf("alive after its time: %v", got)
				}
			})
		})
	}
}

// An invocation takes the first environment that is free; the one that was started for it stays idle.
func TestFreedBeforeStarted(t *testing.T) {
	onStage(t, nil, func(s *stage) {
		a := s.later(event{Take: 500 * ms})
		time.Sleep(1200 * ms)
		b := s.later(event{Take: minute}) // asks for a start, ready at 2.2 s
		s.want(<-a, 1500*ms, "1")
		synctest.Wait()
		c := s.later(event{})
		s.want(<-c, 2200*ms, "2") // the start was for b, who has the one that a left
		s.want(<-b, minute+1500*ms, "1")
		s.wantStarts(2)
	})
}

func TestStartsAreLimited(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, func(s *stage) {
			s.pool.Starts = 2
			s.pool.Function.ReservedConcurrentExecutions = new(5)
		})
		var calls []<-chan answer
		for range 5 {
			calls = append(calls, s.later(event{Take: minute}))
		}
		time.Sleep(time.Nanosecond)
		for _, want := range []int{0, 2, 4, 5} {
			s.wantAlive(want)
			time.Sleep(second)
		}
		for _, ch := range calls {
			<-ch
		}
		s.wantStarts(5)
	})
}

func TestCallerLeavesWhileStarting(t *testing.T) {
	onStage(t, nil, func(s *stage) {
		enough := errors.New("enough")
		ctx, cancel := context.WithTimeoutCause(s.Context(), 300*ms, enough)
		defer cancel()
		got := s.answer(s.Functions.Invoke(ctx, call(event{})))
		s.wantErr(got, 300*ms, esm.ErrNotRun)
		s.wantErr(got, 300*ms, enough)
		s.wantInUse(0)
		s.want(s.invoke(event{}), second, "1") // the start goes on
		s.wantStarts(1)
	})
}

func TestCallerLeavesWhileRunning(t *testing.T) {
	onStage(t, nil, func(s *stage) {
		ctx, cancel := context.WithTimeout(s.Context(), 3*second)
		defer cancel()
		got := s.answer(s.Functions.Invoke(ctx, call(event{Take: minute})))
		s.wantErr(got, 3*second, context.DeadlineExceeded)
		if errors.Is(got.Err, esm.ErrNotRun) {
			s.Error("the handler saw the event")
		}
		s.want(s.invoke(event{}), 3*second, "1") // reset, not replaced
	})
}

func TestFaultKeepsAndDeathReplaces(t *testing.T) {
	onStage(t, nil, func(s *stage) {
		s.want(s.invoke(event{Do: "fail"}), second, "Unhandled")
		s.want(s.invoke(event{Do: "crash"}), second, "Runtime.ExitError")
		s.want(s.invoke(event{Do: "die"}), second, "1") // it had answered
		s.wantAlive(0)
		s.want(s.invoke(event{}), 2*second, "2")
	})
}

func TestEnvironmentsAreTracedOnChange(t *testing.T) {
	onStage(t, nil, func(s *stage) {
		s.invoke(event{Drain: 2 * second})
		s.invoke(event{})
		time.Sleep(minute)
		s.Close(s.Context())
		want := [][2]int{{1, 1}, {2, 2}, {2, 1}, {2, 0}, {1, 1}, {0, 0}}
		var got [][2]int
		for _, e := range seen[trace.Environments](s) {
			got = append(got, [2]int{e.Alive, e.Busy})
		}
		if !slices.Equal(got, want) {
			s.Errorf("got %v, want %v", got, want)
		}
		for _, e := range seen[trace.Started](s) {
			if e.Function != "f" || e.Took != second || e.Err != nil {
				s.Errorf("got %+v", e)
			}
		}
	})
}
