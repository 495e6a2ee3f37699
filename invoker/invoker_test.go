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
	onStage(t, func(s *stage) { s.pool.Function.ReservedConcurrentExecutions = new(1) }, func(s *stage) {
		a := s.later(event{Take: minute})
		synctest.Wait()
		got := s.invoke(event{})
		s.wantErr(got, 0, esm.ErrThrottled)
		if reason(got.Err) != "ReservedFunctionConcurrentInvocationLimitExceeded" {
			s.Errorf("got %v", got.Err)
		}
		<-a
		time.Sleep(second)
		s.Limits.Set("f", new(0))
		s.wantErr(s.invoke(event{}), minute+2*second, esm.ErrThrottled)
		ctx, cancel := context.WithTimeout(s.Context(), time.Hour)
		defer cancel()
		if _, err := s.Reserve(ctx, "f"); !errors.Is(err, context.DeadlineExceeded) || time.Since(s.began) < time.Hour {
			s.Errorf("Reserve of a function that is off: %v after %v", err, time.Since(s.began))
		}
		for i, ran := range seen[trace.Ran](s) {
			if want := i != 1; ran.Throttled != want || ran.Function != "f" || ran.ID != "id" {
				s.Errorf("event %d: %+v", i, ran)
			}
		}
	})
}

// The permit is returned when the environment is free again, not when it has answered.
func TestPermitIsHeldUntilDrained(t *testing.T) {
	onStage(t, func(s *stage) { s.pool.Function.ReservedConcurrentExecutions = new(1) }, func(s *stage) {
		s.want(s.invoke(event{Drain: minute}), second, "1")
		s.wantErr(s.invoke(event{}), second+10*ms, esm.ErrThrottled) // it could have been free within the grace
		slot, err := s.Reserve(s.Context(), "f")
		if got := time.Since(s.began); err != nil || got != second+minute {
			s.Fatalf("reserved after %v: %v", got, err)
		}
		s.want(s.answer(slot.Invoke(s.Context(), call(event{Take: second, Drain: minute}))), minute+2*second, "1")
		slot.Release()
		slot.Release()
		s.wantInUse(1)
		if _, err := s.Reserve(s.Context(), "f"); err != nil || time.Since(s.began) != 2*minute+2*second {
			s.Errorf("reserved after %v: %v", time.Since(s.began), err)
		}
		s.Limits.Release("f")
		s.wantStarts(1)
	})
}

// Under one permit one environment is busy, even if calls follow each other faster than it is free.
func TestSlotWaitsForItsOwnEnvironment(t *testing.T) {
	onStage(t, nil, func(s *stage) {
		slot, err := s.Reserve(s.Context(), "f")
		if err != nil {
			s.Fatal(err)
		}
		for i := range time.Duration(3) {
			s.want(s.answer(slot.Invoke(s.Context(), call(event{Drain: second}))), (i+1)*second, "1")
		}
		ctx, cancel := context.WithTimeout(s.Context(), 300*ms)
		defer cancel()
		s.wantErr(s.answer(slot.Invoke(ctx, call(event{}))), 3300*ms, esm.ErrNotRun)
		s.want(s.answer(slot.Invoke(s.Context(), call(event{}))), 4*second, "1")
		slot.Release()
		s.wantInUse(0)
		s.wantStarts(1)
	})
}

func TestMisusedSlot(t *testing.T) {
	onStage(t, nil, func(s *stage) {
		s.SetRemote(config.Function{Name: "g"}, backend(nil))
		slot, err := s.Reserve(s.Context(), "g:live")
		if err != nil {
			s.Fatal(err)
		}
		if _, err := slot.Invoke(s.Context(), call(event{})); !errors.Is(err, esm.ErrRefused) {
			s.Errorf("another function: got %v, want ErrRefused", err)
		}
		slot.Release()
		if _, err := slot.Invoke(s.Context(), call(event{In: "g"})); !errors.Is(err, esm.ErrRefused) {
			s.Errorf("after Release: got %v, want ErrRefused", err)
		}
	})
}

func TestCancelledContext(t *testing.T) {
	onStage(t, nil, func(s *stage) {
		s.invoke(event{})
		ctx, cancel := context.WithCancelCause(s.Context())
		enough := errors.New("enough")
		cancel(enough)
		got := s.answer(s.Functions.Invoke(ctx, call(event{})))
		s.wantErr(got, second, esm.ErrNotRun)
		s.wantErr(got, second, enough)
		if _, err := s.Reserve(ctx, "f"); !errors.Is(err, enough) {
			s.Errorf("Reserve: got %v", err)
		}
	})
}

func TestRemoteHoldsPermits(t *testing.T) {
	onStage(t, nil, func(s *stage) {
		lost := errors.New("connection lost")
		s.SetRemote(config.Function{Name: "g"}, backend(func(context.Context, esm.Call) (esm.Response, error) {
			time.Sleep(minute)
			return esm.Response{}, lost
		}))
		for range 3 {
			s.later(event{In: "g"})
		}
		synctest.Wait()
		s.wantErr(s.invoke(event{}), 0, esm.ErrThrottled)
		if got := [...]int{s.Limits.InUse("g"), s.Limits.InUse("f"), s.Limits.SharedInUse()}; got != [...]int{3, 0, 3} {
			s.Errorf("in use: %v", got)
		}
		slot, err := s.Reserve(s.Context(), "f")
		if got := time.Since(s.began); err != nil || got != minute {
			s.Errorf("reserved after %v: %v", got, err)
		}
		slot.Release()
		synctest.Wait()
		for _, ran := range seen[trace.Ran](s)[1:] {
			if ran.Function != "g" || ran.Took != minute || !errors.Is(ran.Err, lost) {
				s.Errorf("got %+v", ran)
			}
		}
	})
}

func TestEveryInvocationIsTraced(t *testing.T) {
	onStage(t, nil, func(s *stage) {
		s.invoke(event{Take: 2 * second}) // the second that the start takes does not count
		s.invoke(event{Take: second, Do: "fail"})
		ctx, cancel := context.WithTimeout(s.Context(), 300*ms)
		defer cancel()
		s.Functions.Invoke(ctx, call(event{Take: minute}))
		got := seen[trace.Ran](s)
		want := []trace.Ran{
			{Function: "f", ID: "id", Took: 2 * second},
			{Function: "f", ID: "id", Took: second, Fault: "Unhandled"},
			{Function: "f", ID: "id", Took: 300 * ms},
		}
		if len(got) != 3 || !errors.Is(got[2].Err, context.DeadlineExceeded) {
			s.Fatalf("got %+v", got)
		}
		got[2].Err = nil
		if !slices.Equal(got, want) {
			s.Errorf("got %+v, want %+v", got, want)
		}
	})
}

// A pool is replaced while its function runs: running invocations end in the old pool, new ones use the new pool.
func TestReplaceAndRemove(t *testing.T) {
	onStage(t, nil, func(s *stage) {
		slot, err := s.Reserve(s.Context(), "f")
		if err != nil {
			s.Fatal(err)
		}
		a := s.later(event{Take: minute})
		time.Sleep(2 * second)
		before := s.SetLocal(&invoker.Pool{Function: s.pool.Function, Starter: s.machine})
		if before != s.pool {
			s.Fatal("the old pool is not returned")
		}
		s.want(s.answer(slot.Invoke(s.Context(), call(event{}))), 3*second, "2")
		before.Close(s.Context())
		s.want(<-a, minute+second, "1")
		after := s.Remove("f")
		if _, err := slot.Invoke(s.Context(), call(event{})); !errors.Is(err, esm.ErrRefused) {
			s.Errorf("after Remove: got %v, want ErrRefused", err)
		}
		slot.Release()
		after.Close(s.Context())
		s.wantAlive(0)
	})
}
