package invoker_test

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/esm-run/esm"
	"github.com/esm-run/esm/config"
	"github.com/esm-run/esm/invoker"
	"github.com/esm-run/esm/trace"
)

// spares returns a change of the rig: n spares and ten permits.
func spares(n int) func(*rig) {
	return func(r *rig) {
		r.pool.Function.Spares = n
		r.Functions.Limits = invoker.NewLimits(10)
	}
}

// An arrival while all others are busy takes a spare at once, which is replaced.
func TestSpares(t *testing.T) {
	bubble(t, spares(2), func(r *rig) {
		time.Sleep(time.Hour)
		r.wantStarts(0)
		r.StartSpares()
		r.wantStarts(0)
		time.Sleep(second)
		r.wantAlive(2)
		at := time.Hour + second
		var calls []<-chan answer
		for n := range 4 {
			calls = append(calls, r.later(event{Take: minute}))
			r.wantAlive(2 + n)
			time.Sleep(second)
			r.wantAlive(3 + n) // the replacement is there
		}
		for n, call := range calls {
			if got := <-call; got.Err != nil || got.At != at+minute+time.Duration(n)*second {
				r.Errorf("call %d: got %+v, want an answer a minute after it was made", n, got)
			}
		}
		r.wantStarts(6)
		for _, ran := range seen[trace.Ran](r) {
			if ran.Cold {
				r.Errorf("got %+v, want no cold start", ran)
			}
		}
	})
}

// A burst takes the spares, and waits for starts as without them.
func TestMoreArrivalsThanSpares(t *testing.T) {
	bubble(t, spares(1), func(r *rig) {
		r.StartSpares()
		time.Sleep(2 * second)
		var calls []<-chan answer
		for range 3 {
			calls = append(calls, r.later(event{Take: minute}))
			synctest.Wait()
		}
		r.want(<-calls[0], 2*second+minute, "1")
		r.wantBy(3*second+minute, calls[1], "2", "3", "4")
		r.wantBy(3*second+minute, calls[2], "2", "3", "4")
		r.wantStarts(4) // a spare beside the three
		cold := 0
		for _, ran := range seen[trace.Ran](r) {
			if ran.Cold {
				cold++
			}
		}
		if cold != 2 {
			r.Errorf("%d cold starts, want 2", cold)
		}
	})
}

// The last idle environments are not closed, however long they are idle, unless they are old.
func TestSparesAreNotReaped(t *testing.T) {
	bubble(t, func(r *rig) {
		spares(2)(r)
		r.pool.IdleTimeout, r.pool.MaxAge = minute, 10*time.Hour
	}, func(r *rig) {
		r.StartSpares()
		time.Sleep(second)
		a, b := r.later(event{Take: minute}), r.later(event{Take: minute})
		<-a
		<-b
		r.wantAlive(4)
		time.Sleep(minute)
		r.wantAlive(2)
		time.Sleep(8 * time.Hour)
		r.wantStarts(4)
		time.Sleep(3 * time.Hour)
		r.wantAlive(2)
		r.wantStarts(6)
	})
}

// A caller that calls again while its environment is about to be free takes the spare, and starts no other.
func TestSparesOfSequentialCalls(t *testing.T) {
	bubble(t, spares(1), func(r *rig) {
		r.StartSpares()
		time.Sleep(second)
		<-r.later(event{Take: second, Drain: 9 * ms})
		time.Sleep(second)
		r.wantStarts(2)
		for range 100 {
			r.invoke(event{Take: 10 * ms, Drain: 9 * ms})
		}
		time.Sleep(minute)
		r.wantStarts(2)
		r.invoke(event{Drain: minute})
		r.invoke(event{Drain: minute})
		time.Sleep(9 * ms)
		r.wantStarts(2)
		time.Sleep(ms)
		synctest.Wait()
		r.wantStarts(3) // it takes longer than that
	})
}

// An environment that ends is replaced.
func TestSpareAfterCrash(t *testing.T) {
	bubble(t, spares(1), func(r *rig) {
		r.StartSpares()
		time.Sleep(second)
		r.want(r.invoke(event{Do: "die"}), second, "1")
		time.Sleep(second + 10*ms)
		r.wantAlive(1)
		r.wantStarts(2)
	})
}

// There is no spare for which there is no permit.
func TestSparesWithinPermits(t *testing.T) {
	bubble(t, func(r *rig) {
		spares(2)(r)
		r.pool.Function.ReservedConcurrentExecutions = new(3)
	}, func(r *rig) {
		r.StartSpares()
		time.Sleep(second)
		r.wantAlive(2)
		var calls []<-chan answer
		for range 3 {
			calls = append(calls, r.later(event{Take: minute}))
			time.Sleep(2 * second)
			r.wantAlive(3)
		}
		r.wantErr(r.invoke(event{}), 7*second, esm.ErrThrottled)
		for _, call := range calls {
			<-call
		}
		r.wantStarts(3)
	})
}

// Idle provisioned environments are spares.
func TestSparesBesideProvisioned(t *testing.T) {
	bubble(t, spares(1), func(r *rig) {
		r.provision(2)
		r.StartSpares()
		time.Sleep(second)
		r.wantAlive(2)
		a := r.later(event{Take: minute})
		time.Sleep(2 * second)
		r.wantAlive(2)
		b := r.later(event{Take: minute})
		time.Sleep(2 * second)
		r.wantAlive(3)
		r.want(r.invoke(event{}), 5*second, "3")
		<-a
		<-b
	})
}

// A spare whose Init fails is tried six times, and again once the function has started for an invocation.
func TestSparesInitFails(t *testing.T) {
	bubble(t, func(r *rig) { spares(2)(r); r.fakeStarter.broken = alwaysBroken }, func(r *rig) {
		r.StartSpares()
		time.Sleep(second)
		synctest.Wait()
		starts := 2 // together, which count as one attempt
		r.wantStarts(starts)
		for _, pause := range []time.Duration{250 * ms, 500 * ms, second, 2 * second, 4 * second} {
			time.Sleep(pause - 1)
			r.wantStarts(starts)
			time.Sleep(second + 1)
			synctest.Wait()
			starts++
			r.wantStarts(starts)
		}
		time.Sleep(time.Hour)
		r.wantStarts(starts)
		r.fakeStarter.broken = nil
		at := time.Since(r.began)
		r.want(r.invoke(event{Take: minute}), at+second+minute, "8")
		r.wantAlive(3) // with the one that was used
	})
}

// Failures of the machine are not the function's: starts go on.
func TestSparesOnAMachineInTrouble(t *testing.T) {
	bubble(t, func(r *rig) {
		spares(1)(r)
		r.fakeStarter.broken = func(start int) error {
			if start <= 20 {
				return errors.New("no more processes")
			}
			return nil
		}
	}, func(r *rig) {
		r.StartSpares()
		time.Sleep(5 * minute)
		r.wantAlive(1)
	})
}

// The starts of spares are limited like all others, and do not use up the rate of those that are needed.
func TestSparesAreStartedInTurn(t *testing.T) {
	bubble(t, func(r *rig) { spares(5)(r); r.pool.Starts = 2 }, func(r *rig) {
		r.StartSpares()
		for _, want := range []int{2, 4, 5} {
			time.Sleep(second)
			r.wantAlive(want)
		}
		r.wantStarts(5)
	})
}

func TestStopEndsSpares(t *testing.T) {
	for _, at := range []time.Duration{500 * ms, 1500 * ms} { // in the start, and after it
		bubble(t, spares(1), func(r *rig) {
			r.StartSpares()
			time.Sleep(at)
			r.StopStarting()
			if at > second {
				r.want(r.invoke(event{Do: "die"}), at, "1")
			}
			time.Sleep(time.Hour)
			r.wantStarts(1)
			r.SetLocal(&invoker.Pool{Function: config.Function{Name: "g", Spares: 1}, Starter: r.fakeStarter})
			r.StartSpares()
			time.Sleep(time.Hour)
			r.wantStarts(1)
		})
	}
}

func TestSparesOfAFunctionThatIsSetLater(t *testing.T) {
	bubble(t, nil, func(r *rig) {
		r.StartSpares()
		r.SetLocal(&invoker.Pool{Function: config.Function{Name: "g", Spares: 1}, Starter: r.fakeStarter})
		time.Sleep(second)
		r.want(r.invoke(event{In: "g"}), second, "1")
	})
}
