package invoker_test

import (
	"context"
	"errors"
	"reflect"
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

func TestUnknownFunctionIsRefused(t *testing.T) {
	f := &invoker.Functions{Limits: invoker.NewLimits(1)}
	_, err := f.Invoke(t.Context(), esm.Call{Function: "orders:live"})
	_, reserve := f.Reserve(t.Context(), "orders:live")
	for _, err := range []error{err, reserve} {
		if !errors.Is(err, esm.ErrRefused) || errors.Is(err, esm.ErrNotRun) {
			t.Errorf("got %v, want ErrRefused", err)
		}
		if want := `there is no function "orders", add it under Functions`; !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want a text with %q", err, want)
		}
	}
}

// backend is a Backend.
type backend func(context.Context, esm.Call) (esm.Response, error)

func (f backend) Invoke(ctx context.Context, c esm.Call) (esm.Response, error) { return f(ctx, c) }

func TestCallIsPassedOn(t *testing.T) {
	var got []esm.Call
	f := &invoker.Functions{Limits: invoker.NewLimits(1)}
	f.SetRemote(config.Function{Name: "f"}, backend(func(_ context.Context, c esm.Call) (esm.Response, error) {
		got = append(got, c)
		return esm.Response{Version: "7"}, nil
	}))
	call := esm.Call{ID: "id", Function: "f:7", Payload: make([]byte, 6_291_456), TraceHeader: "Root=1", ClientContext: "{}"}
	if resp, err := f.Invoke(t.Context(), call); err != nil || resp.Version != "7" || len(got) != 1 || !reflect.DeepEqual(got[0], call) {
		t.Errorf("got %+v, %v of %.1000v", resp, err, got)
	}
	slot, err := f.Reserve(t.Context(), "f:live")
	if err != nil {
		t.Fatal(err)
	}
	call.Payload = append(call.Payload, ' ')
	if _, err := slot.Invoke(t.Context(), call); !errors.Is(err, esm.ErrTooLarge) || len(got) != 1 {
		t.Errorf("payload of one byte more: got %v, want ErrTooLarge", err)
	}
}

func TestInvokeIsThrottledAtOnce(t *testing.T) {
	bubble(t, func(r *rig) { r.pool.Function.ReservedConcurrentExecutions = new(1) }, func(r *rig) {
		a := r.later(event{Take: minute})
		synctest.Wait()
		got := r.invoke(event{})
		r.wantErr(got, 0, esm.ErrThrottled)
		if reason(got.Err) != "ReservedFunctionConcurrentInvocationLimitExceeded" {
			r.Errorf("got %v", got.Err)
		}
		<-a
		time.Sleep(second)
		r.Limits.Set("f", new(0))
		r.wantErr(r.invoke(event{}), minute+2*second, esm.ErrThrottled)
		ctx, cancel := context.WithTimeout(r.Context(), time.Hour)
		defer cancel()
		if _, err := r.Reserve(ctx, "f"); !errors.Is(err, context.DeadlineExceeded) || time.Since(r.began) < time.Hour {
			r.Errorf("Reserve of a function that is off: %v after %v", err, time.Since(r.began))
		}
		for i, ran := range seen[trace.Ran](r) {
			if want := i != 1; ran.Throttled != want || ran.Function != "f" || ran.ID != "id" {
				r.Errorf("event %d: %+v", i, ran)
			}
		}
	})
}

// The permit is returned when the environment is free again, not when it has answered.
func TestPermitIsHeldUntilDrained(t *testing.T) {
	bubble(t, func(r *rig) { r.pool.Function.ReservedConcurrentExecutions = new(1) }, func(r *rig) {
		r.want(r.invoke(event{Drain: minute}), second, "1")
		r.wantErr(r.invoke(event{}), second+10*ms, esm.ErrThrottled) // it could have been free within the grace
		slot := r.reserve("f")
		r.wantElapsed(second + minute)
		r.want(r.answer(slot.Invoke(r.Context(), call(event{Take: second, Drain: minute}))), minute+2*second, "1")
		slot.Release()
		slot.Release()
		r.wantInUse(1)
		r.reserve("f")
		r.wantElapsed(2*minute + 2*second)
		r.Limits.Release("f")
		r.wantStarts(1)
	})
}

// Under one permit one environment is busy, even if calls follow each other faster than it is free.
func TestSlotWaitsForItsOwnEnvironment(t *testing.T) {
	bubble(t, nil, func(r *rig) {
		slot := r.reserve("f")
		for i := range time.Duration(3) {
			r.want(r.answer(slot.Invoke(r.Context(), call(event{Drain: second}))), (i+1)*second, "1")
		}
		ctx, cancel := context.WithTimeout(r.Context(), 300*ms)
		defer cancel()
		r.wantErr(r.answer(slot.Invoke(ctx, call(event{}))), 3300*ms, esm.ErrNotRun)
		r.want(r.answer(slot.Invoke(r.Context(), call(event{}))), 4*second, "1")
		slot.Release()
		r.wantInUse(0)
		r.wantStarts(1)
	})
}

func TestMisusedSlot(t *testing.T) {
	bubble(t, nil, func(r *rig) {
		r.SetRemote(config.Function{Name: "g"}, backend(nil))
		slot := r.reserve("g:live")
		r.wantErr(r.answer(slot.Invoke(r.Context(), call(event{}))), 0, esm.ErrRefused)
		slot.Release()
		r.wantErr(r.answer(slot.Invoke(r.Context(), call(event{In: "g"}))), 0, esm.ErrRefused)
	})
}

func TestCancelledContext(t *testing.T) {
	bubble(t, nil, func(r *rig) {
		r.invoke(event{})
		ctx, cancel := context.WithCancelCause(r.Context())
		enough := errors.New("enough")
		cancel(enough)
		got := r.answer(r.Functions.Invoke(ctx, call(event{})))
		r.wantErr(got, second, esm.ErrNotRun)
		r.wantErr(got, second, enough)
		if _, err := r.Reserve(ctx, "f"); !errors.Is(err, enough) {
			r.Errorf("Reserve: got %v", err)
		}
	})
}

func TestRemoteHoldsPermits(t *testing.T) {
	bubble(t, nil, func(r *rig) {
		lost := errors.New("connection lost")
		r.SetRemote(config.Function{Name: "g"}, backend(func(context.Context, esm.Call) (esm.Response, error) {
			time.Sleep(minute)
			return esm.Response{}, lost
		}))
		for range 3 {
			r.later(event{In: "g"})
		}
		synctest.Wait()
		r.wantErr(r.invoke(event{}), 0, esm.ErrThrottled)
		if got := [...]int{r.Limits.InUse("g"), r.Limits.InUse("f")}; got != [...]int{3, 0} {
			r.Errorf("in use: %v", got)
		}
		r.reserve("f").Release()
		r.wantElapsed(minute)
		synctest.Wait()
		for _, ran := range seen[trace.Ran](r)[1:] {
			if ran.Function != "g" || ran.Took != minute || !errors.Is(ran.Err, lost) {
				r.Errorf("got %+v", ran)
			}
		}
	})
}

func TestEveryInvocationIsTraced(t *testing.T) {
	bubble(t, nil, func(r *rig) {
		r.invoke(event{Take: 2 * second}) // the second that the start takes does not count
		r.invoke(event{Take: second, Do: "fail"})
		r.invokeWithin(300*ms, event{Take: minute})
		got := seen[trace.Ran](r)
		want := []trace.Ran{
			{Function: "f", ID: "id", Took: 2 * second, Cold: true},
			{Function: "f", ID: "id", Took: second, Fault: "Unhandled"},
			{Function: "f", ID: "id", Took: 300 * ms},
		}
		if len(got) != 3 || !errors.Is(got[2].Err, context.DeadlineExceeded) {
			r.Fatalf("got %+v", got)
		}
		got[2].Err = nil
		if !slices.Equal(got, want) {
			r.Errorf("got %+v, want %+v", got, want)
		}
	})
}

// A pool is replaced while its function runs: running invocations end in the old pool, new ones use the new pool.
func TestReplaceAndRemove(t *testing.T) {
	bubble(t, nil, func(r *rig) {
		slot := r.reserve("f")
		a := r.later(event{Take: minute})
		time.Sleep(2 * second)
		before := r.SetLocal(&invoker.Pool{Function: r.pool.Function, Starter: r.fakeStarter})
		if before != r.pool {
			r.Fatal("the old pool is not returned")
		}
		r.want(r.answer(slot.Invoke(r.Context(), call(event{}))), 3*second, "2")
		before.Close(r.Context())
		r.want(<-a, minute+second, "1")
		after := r.Remove("f")
		r.wantErr(r.answer(slot.Invoke(r.Context(), call(event{}))), minute+second, esm.ErrRefused)
		slot.Release()
		after.Close(r.Context())
		r.wantAlive(0)
	})
}
