package invoker_test

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/esm-run/esm/config"
	"github.com/esm-run/esm/invoker"
)

func TestEnvironments(t *testing.T) {
	bubble(t, func(r *rig) {
		spares(1)(r)
		r.pool.Function.Freeze = true
		r.fakeStarter.end = second
	}, func(r *rig) {
		r.SetLocal(&invoker.Pool{Function: config.Function{Name: "e"}, Starter: r.fakeStarter})
		r.SetRemote(config.Function{Name: "remote"}, nil)
		began := time.Now()
		want := func(want ...invoker.Listed) {
			r.Helper()
			synctest.Wait()
			if got := r.Environments(); !slices.Equal(got, want) {
				r.Errorf("after %v: got\n%+v, want\n%+v", time.Since(began), got, want)
			}
		}
		want()
		r.StartSpares()
		spare := invoker.Listed{Function: "f", State: invoker.Starting, Began: began, Spare: true}
		want(spare)
		time.Sleep(second)
		spare.ID, spare.State, spare.Memory = "1", invoker.Idle, 10
		want(spare)
		time.Sleep(second)
		spare.State = invoker.Frozen
		want(spare)
		call := r.later(event{Take: 2 * second, Drain: 2 * second})
		first, second2 := spare, invoker.Listed{Function: "f", State: invoker.Starting, Began: began.Add(2 * second), Spare: true}
		first.State, first.Spare = invoker.Busy, false
		want(first, second2)
		<-call
		first.State, first.Invocations = invoker.Draining, 1
		second2.ID, second2.State, second2.Memory = "2", invoker.Frozen, 20
		want(first, second2)
		r.later(event{In: "e"})
		other := invoker.Listed{Function: "e", State: invoker.Starting, Began: began.Add(4 * second)}
		want(other, first, second2)
		time.Sleep(second)
		other.ID, other.State, other.Memory, other.Invocations = "3", invoker.Idle, 30, 1
		want(other, first, second2)
		time.Sleep(minute)
		first.State = invoker.Frozen
		want(other, first, second2)
		go r.Close(r.Context())
		time.Sleep(500 * ms)
		other.State, first.State, second2.State = invoker.Closing, invoker.Closing, invoker.Closing
		want(other, first, second2)
		time.Sleep(500 * ms)
		want()
	})
}

func TestClosesAreParallelAndBounded(t *testing.T) {
	bubble(t, func(r *rig) {
		r.Functions.Limits = invoker.NewLimits(100)
		r.pool.Starts, r.pool.Closes = 50, 8
		r.fakeStarter.end = 150 * ms
	}, func(r *rig) {
		for range 50 {
			r.later(event{Take: second})
		}
		time.Sleep(3 * second)
		r.wantAlive(50)
		r.Close(r.Context())
		r.wantElapsed(3*second + 7*150*ms)
		if r.mostClosing != 8 {
			r.Errorf("%d are closed concurrently, want 8", r.mostClosing)
		}
	})
}
