package invoker_test

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/esm-run/esm/invoker"
)

func (r *rig) wantFrozen(want ...int) {
	r.Helper()
	synctest.Wait()
	if got := r.frozen(); !slices.Equal(got, want) {
		r.Errorf("after %v: frozen: %v, want %v", time.Since(r.began), got, want)
	}
}

// An environment is frozen when it was idle for a second, and only then.
func TestFreeze(t *testing.T) {
	for _, freeze := range []bool{false, true} {
		bubble(t, func(r *rig) { r.pool.Function.Freeze = freeze }, func(r *rig) {
			frozen := []int{1}
			if !freeze {
				frozen = nil
			}
			r.invoke(event{})
			time.Sleep(second - 1)
			r.wantFrozen()
			time.Sleep(time.Nanosecond)
			r.wantFrozen(frozen...)
			time.Sleep(minute)
			r.want(r.invoke(event{Take: minute}), 2*second+2*minute, "1")
			r.wantFrozen()
			time.Sleep(500 * ms)
			r.invoke(event{}) // it is hot
			time.Sleep(second - 1)
			r.wantFrozen()
			time.Sleep(time.Nanosecond)
			r.wantFrozen(frozen...)
			r.wantStarts(1)
		})
	}
}

// The last used is the one that stays hot.
func TestHotEnvironmentIsNotFrozen(t *testing.T) {
	bubble(t, func(r *rig) { r.pool.Function.Freeze = true; r.pool.FreezeAfter = 100 * ms }, func(r *rig) {
		a, b := r.later(event{Take: second}), r.later(event{Take: second + ms})
		<-a
		last := <-b
		for range 100 {
			time.Sleep(99 * ms)
			if got := r.invoke(event{}); got.By != last.By {
				r.Fatalf("got %+v, want an answer by %s", got, last.By)
			}
		}
		if got := r.frozen(); len(got) != 1 {
			r.Errorf("frozen: %v, want the one that is not used", got)
		}
		for _, e := range r.alive {
			if e.freezes.Load() > 0 && !e.frozen.Load() {
				r.Errorf("environment %d was frozen while it was hot", e.number)
			}
		}
	})
}

// An invocation that comes while its environment is being frozen waits for that, and starts no other.
func TestInvokeDuringFreeze(t *testing.T) {
	bubble(t, func(r *rig) { r.pool.Function.Freeze = true; r.fakeStarter.pause = 18 * ms }, func(r *rig) {
		r.invoke(event{})
		time.Sleep(second + 8*ms)
		r.want(r.invoke(event{}), 2*second+18*ms, "1")
		synctest.Wait()
		if got := r.Environments(); len(got) != 1 || got[0].State != invoker.Idle {
			r.Errorf("got %+v, want it idle", got)
		}
		time.Sleep(second + 18*ms)
		r.wantFrozen(1)
	})
}

// Frozen environments are reaped, and spares and provisioned ones are frozen too.
func TestFrozenEnvironmentsEnd(t *testing.T) {
	bubble(t, func(r *rig) {
		spares(2)(r)
		r.pool.Function.Freeze, r.pool.IdleTimeout = true, minute
	}, func(r *rig) {
		r.provision(1)
		r.StartSpares()
		time.Sleep(second)
		r.wantFrozen()
		time.Sleep(second)
		r.wantFrozen(1, 2)
		a, b := r.later(event{Take: second}), r.later(event{Take: second})
		time.Sleep(second)
		<-a
		<-b
		time.Sleep(second)
		r.wantFrozen(1, 2, 3, 4)
		time.Sleep(minute)
		r.wantAlive(2)
		living := r.living()
		slices.Sort(living)
		r.wantFrozen(living...)
	})
}

func TestNoFreezeAfterStop(t *testing.T) {
	bubble(t, func(r *rig) { r.pool.Function.Freeze = true }, func(r *rig) {
		r.invoke(event{})
		r.StopStarting()
		time.Sleep(minute)
		r.wantFrozen()
	})
}
