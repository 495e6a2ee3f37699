package invoker_test

import (
	"context"
	"encoding/json"
	"errors"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/esm-run/esm"
	"github.com/esm-run/esm/config"
	"github.com/esm-run/esm/invoker"
	"github.com/esm-run/esm/trace"
)

// multiStarter makes fake environments with several places, whose workers start to wait for events one after the other.
type multiStarter struct {
	*fakeStarter
	workers int           // that there are
	stagger time.Duration // between them
}

func (s multiStarter) Start(ctx context.Context, fn config.Function, as invoker.Initialization) (invoker.Environment, error) {
	env, err := s.fakeStarter.Start(ctx, fn, as)
	if err != nil {
		return nil, err
	}
	m := &multiEnvironment{fakeEnvironment: env.(*fakeEnvironment), parked: make(chan struct{}, s.workers), crashed: make(chan struct{})}
	for i := range s.workers - 1 {
		m.park(time.Duration(i+1) * s.stagger)
	}
	return m, nil
}

// multiEnvironment answers with its number, like fakeEnvironment. An event's Drain is how long its worker is away after the
// answer.
type multiEnvironment struct {
	*fakeEnvironment
	parked  chan struct{} // a value for each worker that waits and is not claimed
	crash   sync.Once
	crashed chan struct{}
}

func (m *multiEnvironment) park(d time.Duration) {
	if d == 0 {
		m.parked <- struct{}{}
		return
	}
	time.AfterFunc(d, func() { m.parked <- struct{}{} })
}

func (m *multiEnvironment) over() bool {
	select {
	case <-m.crashed:
		return true
	default:
		return false
	}
}

func (m *multiEnvironment) Invoke(ctx context.Context, c esm.Call) (esm.Response, error) {
	if m.over() {
		return esm.Response{}, invoker.ErrNoPlace
	}
	var e event
	_ = json.Unmarshal(c.Payload, &e)
	crash := esm.Response{Fault: "Runtime.ExitError", Status: 200}
	select {
	case <-time.After(e.Take):
	case <-m.crashed:
		return crash, nil
	case <-m.closed:
		return esm.Response{}, errors.New("closed")
	case <-ctx.Done():
		return esm.Response{}, ctx.Err()
	}
	switch e.Do {
	case "crash":
		m.crash.Do(func() { close(m.crashed) })
		return crash, nil
	case "lost":
		return esm.Response{}, invoker.ErrNoPlace
	}
	m.park(e.Drain)
	return esm.Response{Payload: json.RawMessage(strconv.Itoa(m.number)), Status: 200}, nil
}

func (m *multiEnvironment) Drain(ctx context.Context) error {
	select {
	case <-m.parked:
		return nil
	case <-m.crashed:
		return errors.New("crashed")
	case <-m.closed:
		return errors.New("closed")
	case <-ctx.Done():
		return ctx.Err()
	}
}

// multi is bubble with a function whose environments have three places, and as many permits as anybody wants.
func multi(t *testing.T, change func(*rig, *multiStarter), test func(*rig)) {
	t.Helper()
	bubble(t, func(r *rig) {
		s := &multiStarter{fakeStarter: r.fakeStarter, workers: 3}
		r.Functions.Limits = invoker.NewLimits(100)
		r.pool.Function.CapacityProviderConfig = new(config.CapacityProvider)
		r.pool.Function.CapacityProviderConfig.LambdaManagedInstancesCapacityProviderConfig.PerExecutionEnvironmentMaxConcurrency = 3
		if change != nil {
			change(r, s)
		}
		r.pool.Starter = *s
	}, test)
}

// all invokes n times at once.
func (r *rig) all(n int, e event) (calls []<-chan answer) {
	for range n {
		calls = append(calls, r.later(e))
		synctest.Wait()
	}
	return calls
}

// by counts the answers of each environment, all at the same time.
func (r *rig) by(calls []<-chan answer, at time.Duration) map[string]int {
	r.Helper()
	count := map[string]int{}
	for _, c := range calls {
		a := <-c
		if a.Err != nil || a.At != at {
			r.Errorf("got %+v, want an answer at %v", a, at)
		}
		count[a.By]++
	}
	return count
}

// Invocations that come together start one environment for each three of them.
func TestPlacesAreFilled(t *testing.T) {
	multi(t, nil, func(r *rig) {
		first := r.all(3, event{Take: minute})
		time.Sleep(second)
		r.wantStarts(1)
		more := r.all(4, event{Take: minute})
		time.Sleep(second)
		r.wantStarts(3)
		r.by(first, minute+second)
		r.by(more, minute+2*second)
		r.wantInUse(0)
		again := r.all(6, event{Take: second})
		if got := r.by(again, minute+3*second); len(got) != 2 {
			t.Errorf("six invocations ran in %v, want them in two environments", got)
		}
		r.wantStarts(3)
	})
}

// Sequential calls use one environment.
func TestSequentialCallsUseOneOfMany(t *testing.T) {
	multi(t, nil, func(r *rig) {
		for i := range time.Duration(100) {
			r.want(r.invoke(event{Take: 10 * ms, Drain: 9 * ms}), second+(i+1)*10*ms, "1")
		}
		r.wantStarts(1)
	})
}

// Workers that start a little later are waited for. One that does not come within a second is not.
func TestWorkersThatStartLater(t *testing.T) {
	multi(t, func(_ *rig, s *multiStarter) { s.stagger = 400 * ms }, func(r *rig) {
		calls := r.all(3, event{Take: minute})
		for i, want := range []time.Duration{0, 400 * ms, 800 * ms} {
			r.want(<-calls[i], second+want+minute, "1")
		}
		r.wantStarts(1)
	})
	multi(t, func(_ *rig, s *multiStarter) { s.workers = 2 }, func(r *rig) {
		calls := r.all(3, event{Take: minute})
		for i, want := range []string{"1", "1", "2"} {
			r.want(<-calls[i], []time.Duration{second, second, 3 * second}[i]+minute, want)
		}
		r.wantStarts(2)
	})
}

// A worker that is away after its timeout takes its place with it, and no permit. When it comes back, its place is used.
func TestWorkerThatIsAway(t *testing.T) {
	multi(t, func(_ *rig, s *multiStarter) { s.workers = 1 }, func(r *rig) {
		r.want(r.invoke(event{Drain: minute}), second, "1")
		r.wantInUse(0)
		r.want(r.invoke(event{Take: 2 * minute}), 3*second+2*minute, "2") // a second is for the workers that do not start
		r.wantStarts(2)
		synctest.Wait()
		calls := r.all(2, event{Take: second})
		if got := r.by(calls, 4*second+2*minute); got["1"] != 1 || got["2"] != 1 {
			t.Errorf("got %v", got)
		}
	})
}

// A crash ends all that run. The environment is replaced, and its idle places are not used any more.
func TestCrashOfAnEnvironmentWithPlaces(t *testing.T) {
	multi(t, nil, func(r *rig) {
		a, b := r.later(event{Take: second, Do: "crash"}), r.later(event{Take: minute})
		r.want(<-a, 2*second, "Runtime.ExitError")
		r.want(<-b, 2*second, "Runtime.ExitError")
		r.wantAlive(0)
		r.want(r.invoke(event{}), 3*second, "2")
		r.wantAlive(1)
		r.wantStarts(2)
	})
}

// An invocation for which there was no worker runs elsewhere.
func TestPlaceThatIsNone(t *testing.T) {
	multi(t, func(r *rig, s *multiStarter) { s.workers = 1; r.pool.Function.ReservedConcurrentExecutions = new(1) }, func(r *rig) {
		got := r.invokeWithin(5*second, event{Take: second, Do: "lost"}) // each attempt takes a second
		r.wantErr(got, 5*second, context.DeadlineExceeded)
		r.wantStarts(3)
	})
}

// An environment is idle while nothing runs in it, and closed as a whole.
func TestIdleEnvironmentsWithPlacesEnd(t *testing.T) {
	multi(t, func(r *rig, _ *multiStarter) { r.pool.IdleTimeout = minute }, func(r *rig) {
		a, b := r.later(event{}), r.later(event{Take: 3 * minute})
		<-a
		time.Sleep(2 * minute)
		r.wantAlive(1)
		<-b // at 3m1s
		time.Sleep(minute - 1)
		r.wantAlive(1)
		time.Sleep(time.Nanosecond)
		r.wantAlive(0)
	})
}

// Environments whose workers are all away end, too.
func TestEnvironmentsWithoutWorkersEnd(t *testing.T) {
	multi(t, func(r *rig, s *multiStarter) { s.workers, r.pool.IdleTimeout = 1, minute }, func(r *rig) {
		r.invoke(event{Drain: 1000 * time.Hour})
		time.Sleep(minute)
		r.wantAlive(1)
		time.Sleep(10 * ms)
		r.wantAlive(0)
	})
}

func TestOldEnvironmentsWithPlacesEnd(t *testing.T) {
	multi(t, func(r *rig, _ *multiStarter) { r.pool.MaxAge = time.Hour }, func(r *rig) {
		for time.Since(r.began) < 66*minute { // never idle
			a, b := r.later(event{Take: minute}), r.later(event{Take: 90 * second})
			<-a
			<-b
		}
		r.wantAlive(1)
		if got := r.living()[0]; got != 2 {
			t.Errorf("environment %d is alive", got)
		}
	})
}

// Spares and provisioned environments are counted as environments.
func TestSparesWithPlaces(t *testing.T) {
	multi(t, func(r *rig, _ *multiStarter) { r.pool.Function.Spares = 1 }, func(r *rig) {
		r.StartSpares()
		time.Sleep(minute)
		r.wantStarts(1)
		calls := r.all(3, event{Take: minute}) // they fill one environment; another is started as the spare
		time.Sleep(2 * second)
		r.wantStarts(2)
		if got := r.by(calls, 2*minute); got["1"] != 3 {
			t.Errorf("got %v", got)
		}
	})
	multi(t, nil, func(r *rig) {
		if err := r.Provision("f", 2); err != nil {
			t.Fatal(err)
		}
		time.Sleep(second)
		r.wantAlive(2)
		if got := r.by(r.all(6, event{Take: second}), 2*second); got["1"] != 3 || got["2"] != 3 {
			t.Errorf("got %v", got)
		}
		if err := r.Provision("f", 1); err != nil {
			t.Fatal(err)
		}
		r.wantAlive(1)
		r.wantStarts(2)
	})
}

// What is traced and listed counts environments.
func TestEnvironmentsWithPlacesAreListed(t *testing.T) {
	multi(t, nil, func(r *rig) {
		calls := r.all(2, event{Take: minute})
		time.Sleep(2 * second)
		list := r.Environments()
		if len(list) != 1 || list[0].State != invoker.Busy {
			t.Errorf("got %+v", list)
		}
		r.by(calls, minute+second)
		synctest.Wait()
		list = r.Environments()
		if len(list) != 1 || list[0].State != invoker.Idle || list[0].Invocations != 2 {
			t.Errorf("got %+v", list)
		}
		traced := seen[trace.Environments](r)
		if last := traced[len(traced)-1]; last.Alive != 1 || last.Busy != 0 {
			t.Errorf("got %+v", traced)
		}
	})
}

// Close ends what runs, and waits for it.
func TestCloseWithPlaces(t *testing.T) {
	multi(t, nil, func(r *rig) {
		calls := r.all(2, event{Take: minute})
		time.Sleep(2 * second)
		r.Close(r.Context())
		r.by(calls, minute+second)
		r.wantAlive(0)
	})
	multi(t, nil, func(r *rig) {
		call := r.later(event{Take: minute})
		time.Sleep(2 * second)
		ctx, cancel := context.WithTimeout(r.Context(), second)
		defer cancel()
		r.Close(ctx)
		if a := <-call; a.Err == nil || a.At != 3*second {
			t.Errorf("got %+v", a)
		}
		r.wantAlive(0)
	})
}
