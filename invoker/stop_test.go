package invoker_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/esm-run/esm"
	"github.com/esm-run/esm/config"
	"github.com/esm-run/esm/invoker"
	"github.com/esm-run/esm/trace"
)

// A handler that cannot be loaded does not delay a shutdown: nothing is started for it any more, and no pause is
// waited for.
func TestStopStartingEndsStartsAndPauses(t *testing.T) {
	for _, at := range []time.Duration{500 * ms, 1100 * ms} { // in a start, and in the pause after it
		synctest.Test(t, func(t *testing.T) {
			s := newStage(t, func(s *stage) { s.machine.broken = alwaysBroken; s.pool.Starts = 1 })
			first := s.later(event{})
			time.Sleep(at)
			waits := []<-chan answer{s.later(event{}), s.later(event{})}
			if at < second {
				waits = append(waits, first)
			}
			synctest.Wait()
			s.StopStarting()
			for _, ch := range waits {
				s.wantErr(<-ch, at, esm.ErrNotRun)
			}
			s.wantErr(s.invoke(event{}), at, esm.ErrNotRun)
			s.Close(t.Context())
			s.wantErr(s.invoke(event{}), at, esm.ErrNotRun)
			time.Sleep(minute)
			s.wantStarts(1)
			if failed := len(seen[trace.Started](s)); at < second && failed > 0 {
				t.Errorf("%d starts are reported as failed", failed)
			}
		})
	}
}

func TestStopStartingLeavesEnvironmentsInUse(t *testing.T) {
	onStage(t, nil, func(s *stage) {
		a := s.later(event{Take: 5 * second})
		time.Sleep(2 * second)
		s.StopStarting()
		s.wantErr(s.invoke(event{}), 2*second, esm.ErrNotRun) // the only one is busy
		s.want(<-a, 6*second, "1")
		s.want(s.invoke(event{Drain: 5 * ms}), 6*second, "1")
		s.want(s.invoke(event{Drain: minute}), 6*second+5*ms, "1")
		s.wantErr(s.invoke(event{}), 6*second+15*ms, esm.ErrNotRun) // it could have been free within the grace
		s.SetLocal(&invoker.Pool{Function: config.Function{Name: "g"}, Starter: s.machine})
		s.wantErr(s.invoke(event{In: "g"}), 6*second+15*ms, esm.ErrNotRun)
		s.wantStarts(1)
	})
}

func TestStopStartingEndsWaitsForPermits(t *testing.T) {
	onStage(t, func(s *stage) { s.pool.Function.ReservedConcurrentExecutions = new(1) }, func(s *stage) {
		slot, err := s.Reserve(s.Context(), "f")
		if err != nil {
			s.Fatal(err)
		}
		ended := make(chan error, 1)
		go func() {
			_, err := s.Reserve(context.Background(), "f")
			ended <- err
		}()
		synctest.Wait()
		s.StopStarting()
		if err := <-ended; !errors.Is(err, esm.ErrNotRun) {
			s.Errorf("got %v, want ErrNotRun", err)
		}
		slot.Release()
		if slot, err = s.Reserve(s.Context(), "f"); err != nil { // it is free
			s.Fatal(err)
		}
		slot.Release()
		s.StopStarting()
		if got := time.Since(s.began); got != 0 {
			s.Errorf("it took %v", got)
		}
	})
}
