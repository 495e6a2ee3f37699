package invoker_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/esm-run/esm"
	"github.com/esm-run/esm/config"
	"github.com/esm-run/esm/invoker"
	"github.com/esm-run/esm/trace"
)

const (
	inProgress = "IN_PROGRESS"
	ready      = "READY"
	failed     = "FAILED"
)

// provision calls Provision for f.
func (r *rig) provision(n int) {
	r.Helper()
	if err := r.Provision("f", n); err != nil {
		r.Fatal(err)
	}
}

func (r *rig) wantProvisioned(requested, available int, status string) {
	r.Helper()
	synctest.Wait()
	got, err := r.Provisioned("f")
	want := invoker.ProvisionedConcurrency{Requested: requested, Available: available, Allocated: available, Status: status}
	if status == failed {
		want.StatusReason = "FUNCTION_ERROR_INIT_FAILURE"
	}
	if err != nil || got != want {
		r.Errorf("after %v: got %+v, %v, want %+v", time.Since(r.began), got, err, want)
	}
}

// wantBy checks that one of some environments answers.
func (r *rig) wantBy(at time.Duration, call <-chan answer, by ...string) {
	r.Helper()
	if got := <-call; got.Err != nil || got.At != at || !slices.Contains(by, got.By) {
		r.Errorf("got %+v, want an answer at %v by one of %v", got, at, by)
	}
}

// Environments are there before the first event, are used first and stay. What they cannot take runs on demand.
func TestProvisioned(t *testing.T) {
	bubble(t, func(r *rig) { r.pool.Starts = 2; r.Functions.Limits = invoker.NewLimits(10) }, func(r *rig) {
		r.wantProvisioned(0, 0, ready)
		r.provision(3)
		r.wantProvisioned(3, 0, inProgress)
		time.Sleep(second) // two start concurrently
		r.wantProvisioned(3, 2, inProgress)
		time.Sleep(second)
		r.wantProvisioned(3, 3, ready)
		var calls []<-chan answer
		for range 4 {
			calls = append(calls, r.later(event{Take: 10 * second}))
			synctest.Wait()
		}
		for range 3 {
			r.wantBy(12*second, calls[0], "1", "2", "3")
			calls = calls[1:]
		}
		r.want(<-calls[0], 13*second, "4")
		synctest.Wait()
		r.wantBy(13*second, r.later(event{}), "1", "2", "3") // not 4, although that was used last
		time.Sleep(time.Hour)
		r.wantAlive(3)
		r.wantStarts(4)
		if want := []int{1, 2, 3}; !slices.Equal(r.fakeStarter.provisioned, want) {
			r.Errorf("started in advance: %v, want %v", r.fakeStarter.provisioned, want)
		}
		var provisioned, spilled int
		for _, ran := range seen[trace.Ran](r) {
			if ran.Provisioned {
				provisioned++
			}
			if ran.Spilled {
				spilled++
			}
		}
		if provisioned != 4 || spilled != 1 {
			r.Errorf("%d invocations are provisioned and %d spilled, want 4 and 1", provisioned, spilled)
		}
		events := seen[trace.Environments](r)
		if !slices.Contains(events, trace.Environments{Function: "f", Alive: 4, Busy: 4, Provisioned: 3, ProvisionedBusy: 3}) {
			r.Errorf("got %+v", events)
		}
		if got, want := events[len(events)-1], (trace.Environments{Function: "f", Alive: 3, Provisioned: 3}); got != want {
			r.Errorf("got %+v, want %+v", got, want)
		}
	})
}

// An event that comes while environments are being provisioned is for one of them.
func TestEventDuringProvisioning(t *testing.T) {
	bubble(t, nil, func(r *rig) {
		r.provision(1)
		time.Sleep(300 * ms)
		a := r.later(event{})
		synctest.Wait()
		b := r.later(event{Take: second})
		r.want(<-a, second, "1")
		r.want(<-b, 2*second, "1")
		r.wantAlive(2) // one was started for b
	})
}

func TestProvisionedEnvironmentsAreReplaced(t *testing.T) {
	bubble(t, func(r *rig) { r.pool.MaxAge, r.pool.IdleTimeout = 10*time.Hour, minute }, func(r *rig) {
		r.provision(2)
		time.Sleep(2 * second)
		r.wantBy(2*second, r.later(event{Do: "die"}), "1", "2")
		synctest.Wait()
		r.wantBy(2*second, r.later(event{Do: "die"}), "1", "2")
		r.wantProvisioned(2, 0, ready)
		time.Sleep(second)
		r.wantProvisioned(2, 2, ready)
		time.Sleep(8 * time.Hour)
		r.wantStarts(4)
		time.Sleep(2 * time.Hour) // they are old
		r.wantProvisioned(2, 2, ready)
		r.wantStarts(6)
		r.wantAlive(2)
	})
}

// A change at run time interrupts nothing.
func TestProvisionChanges(t *testing.T) {
	bubble(t, func(r *rig) { r.Functions.Limits = invoker.NewLimits(10) }, func(r *rig) {
		r.provision(3)
		time.Sleep(second)
		a, b := r.later(event{Take: 10 * second}), r.later(event{Take: 20 * second})
		synctest.Wait()
		r.provision(1)
		r.wantAlive(2) // the idle one is gone
		r.wantProvisioned(1, 2, ready)
		<-a
		r.wantAlive(1)
		r.provision(2)
		r.wantProvisioned(2, 1, inProgress)
		time.Sleep(second)
		r.wantProvisioned(2, 2, ready)
		r.provision(0)
		r.wantAlive(1)
		<-b
		r.wantAlive(0)
		r.wantProvisioned(0, 0, ready)
		r.want(r.invoke(event{}), 22*second, "5")
		if last := seen[trace.Ran](r); last[2].Provisioned || last[2].Spilled {
			r.Errorf("got %+v", last[2])
		}
	})
}

// Init is tried six times. Meanwhile, and after that, the function runs on demand.
func TestProvisionedInitFails(t *testing.T) {
	bubble(t, func(r *rig) { r.fakeStarter.broken = alwaysBroken; r.pool.Starts = 2 }, func(r *rig) {
		r.provision(3)
		time.Sleep(second)
		synctest.Wait()
		r.wantStarts(2) // which count as one attempt
		at := second
		for _, pause := range []time.Duration{250 * ms, 500 * ms, second, 2 * second, 4 * second} {
			r.wantProvisioned(3, 0, inProgress)
			at += pause + second
			time.Sleep(pause + second)
		}
		r.wantElapsed(at)
		r.wantProvisioned(3, 0, failed)
		r.wantStarts(7)
		r.want(r.invoke(event{}), at+second, "broken for id")
		r.fakeStarter.broken = nil
		r.want(r.invoke(event{}), at+2250*ms, "9")
		time.Sleep(time.Hour)
		r.wantProvisioned(3, 0, failed)
		r.provision(2)
		time.Sleep(second)
		r.wantProvisioned(2, 2, ready)
		if got := seen[trace.Ran](r); got[1].Spilled || got[1].Provisioned {
			r.Errorf("got %+v", got[1])
		}
	})
}

// While a start in advance fails, events do not wait for it.
func TestEventWhileProvisioningFails(t *testing.T) {
	bubble(t, func(r *rig) {
		r.fakeStarter.broken = func(start int) error {
			if start == 1 {
				return errBroken
			}
			return nil
		}
	}, func(r *rig) {
		r.provision(1)
		a := r.later(event{Take: minute})
		r.want(<-a, minute+2*second, "2")
		r.wantProvisioned(1, 1, ready) // after a pause
	})
}

// Failures of the machine are not the function's: starts go on.
func TestProvisioningOnAMachineInTrouble(t *testing.T) {
	bubble(t, func(r *rig) {
		r.fakeStarter.broken = func(start int) error {
			if start <= 20 {
				return errors.New("no more processes")
			}
			return nil
		}
	}, func(r *rig) {
		r.provision(1)
		time.Sleep(2 * minute)
		r.wantProvisioned(1, 0, inProgress)
		time.Sleep(minute)
		r.wantProvisioned(1, 1, ready)
	})
}

func TestStopEndsProvisioning(t *testing.T) {
	for _, broken := range []func(int) error{nil, alwaysBroken} {
		bubble(t, func(r *rig) { r.fakeStarter.broken = broken }, func(r *rig) {
			r.provision(1)
			time.Sleep(1100 * ms) // it is there, or the next start pauses
			r.provision(2)
			synctest.Wait()
			r.StopStarting()
			time.Sleep(time.Hour)
			starts := r.started()
			if broken == nil {
				r.wantAlive(1)
				r.want(r.invoke(event{Do: "die"}), time.Hour+1100*ms, "1")
				time.Sleep(minute)
			}
			r.wantAlive(0)
			r.provision(3)
			r.Close(r.Context())
			r.provision(2)
			r.wantStarts(starts)
		})
	}
}

func TestProvisionIsRefused(t *testing.T) {
	bubble(t, func(r *rig) { r.Functions.Limits = invoker.NewLimits(5) }, func(r *rig) {
		r.SetRemote(config.Function{Name: "g"}, backend(nil))
		own := &invoker.Pool{Function: config.Function{Name: "own", ReservedConcurrentExecutions: new(2)}, Starter: r.fakeStarter}
		more := &invoker.Pool{Function: config.Function{Name: "more"}, Starter: r.fakeStarter}
		r.SetLocal(own)
		r.SetLocal(more)
		r.provision(4)
		for _, tt := range []struct {
			function string
			n        int
			want     string
		}{
			{"g", 1, `invoker: no function "g" runs here, environments cannot be provisioned: ` + esm.ErrRefused.Error()},
			{"h", 1, `invoker: no function "h" runs here, environments cannot be provisioned: ` + esm.ErrRefused.Error()},
			{"own", 3, `invoker: own: a provisioned concurrency of 3 is above its reserved concurrency, 2: ` + esm.ErrRefused.Error()},
			{"more", 2, `invoker: more: a provisioned concurrency of 2 is above what is left of the shared pool, 1: ` + esm.ErrRefused.Error()},
			{"own", 2, ""},
			{"more", 1, ""},
			{"f", 5, `invoker: f: a provisioned concurrency of 5 is above what is left of the shared pool, 4: ` + esm.ErrRefused.Error()},
			{"f", 3, ""},
		} {
			switch err := r.Provision(tt.function, tt.n); {
			case tt.want == "" && err != nil:
				r.Errorf("%s %d: %v", tt.function, tt.n, err)
			case tt.want != "" && (err == nil || err.Error() != tt.want || !errors.Is(err, esm.ErrRefused)):
				r.Errorf("%s %d: got %v, want %s", tt.function, tt.n, err, tt.want)
			}
		}
		if _, err := r.Provisioned("g"); !errors.Is(err, esm.ErrRefused) {
			r.Errorf("got %v", err)
		}
		// A new pool has none, and its share of permits is free again.
		before := r.SetLocal(&invoker.Pool{Function: config.Function{Name: "more"}, Starter: r.fakeStarter})
		before.Close(context.Background())
		r.provision(5)
	})
}

// Calls on demand do not take the permits of provisioned environments of other functions.
func TestProvisionedPermits(t *testing.T) {
	bubble(t, func(r *rig) { r.Functions.Limits = invoker.NewLimits(3) }, func(r *rig) {
		r.SetRemote(config.Function{Name: "g"}, backend(func(context.Context, esm.Call) (esm.Response, error) {
			time.Sleep(minute)
			return esm.Response{}, nil
		}))
		r.provision(2)
		time.Sleep(second)
		r.later(event{In: "g"})
		synctest.Wait()
		r.wantErr(r.invoke(event{In: "g"}), second, esm.ErrThrottled)
		a, b := r.later(event{Take: second}), r.later(event{Take: second})
		synctest.Wait()
		r.wantErr(r.invoke(event{}), second, esm.ErrThrottled)
		<-a
		<-b
		time.Sleep(minute)
	})
}
