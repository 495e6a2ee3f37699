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
		bubble(t, func(r *rig) { r.fakeStarter.broken = alwaysBroken; r.pool.Starts = 1 }, func(r *rig) {
			first := r.later(event{})
			time.Sleep(at)
			waits := []<-chan answer{r.later(event{}), r.later(event{})}
			if at < second {
				waits = append(waits, first)
			}
			synctest.Wait()
			r.StopStarting()
			for _, ch := range waits {
				r.wantErr(<-ch, at, esm.ErrNotRun)
			}
			r.wantErr(r.invoke(event{}), at, esm.ErrNotRun)
			r.Close(r.Context())
			r.wantErr(r.invoke(event{}), at, esm.ErrNotRun)
			time.Sleep(minute)
			r.wantStarts(1)
			if failed := len(seen[trace.Started](r)); at < second && failed > 0 {
				r.Errorf("%d starts are reported as failed", failed)
			}
		})
	}
}

func TestStopStartingLeavesEnvironmentsInUse(t *testing.T) {
	bubble(t, nil, func(r *rig) {
		a := r.later(event{Take: 5 * second})
		time.Sleep(2 * second)
		r.StopStarting()
		r.wantErr(r.invoke(event{}), 2*second, esm.ErrNotRun) // the only one is busy
		r.want(<-a, 6*second, "1")
		r.want(r.invoke(event{Drain: 5 * ms}), 6*second, "1")
		r.want(r.invoke(event{Drain: minute}), 6*second+5*ms, "1")
		r.wantErr(r.invoke(event{}), 6*second+15*ms, esm.ErrNotRun) // it could have been free within the grace
		r.SetLocal(&invoker.Pool{Function: config.Function{Name: "g"}, Starter: r.fakeStarter})
		r.wantErr(r.invoke(event{In: "g"}), 6*second+15*ms, esm.ErrNotRun)
		r.wantStarts(1)
	})
}

func TestStopStartingEndsWaitsForPermits(t *testing.T) {
	bubble(t, func(r *rig) { r.pool.Function.ReservedConcurrentExecutions = new(1) }, func(r *rig) {
		slot := r.reserve("f")
		ended := make(chan error, 1)
		go func() {
			_, err := r.Reserve(context.Background(), "f")
			ended <- err
		}()
		synctest.Wait()
		r.StopStarting()
		if err := <-ended; !errors.Is(err, esm.ErrNotRun) {
			r.Errorf("got %v, want ErrNotRun", err)
		}
		slot.Release()
		r.reserve("f").Release() // it is free
		r.StopStarting()
		r.wantElapsed(0)
	})
}
