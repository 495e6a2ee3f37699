package invoker_test

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/esm-run/esm"
	"github.com/esm-run/esm/config"
	"github.com/esm-run/esm/invoker"
)

// Mappings, asynchronous events and synchronous callers share scarce permits, and none of them is starved: those who reserve
// have equal shares, and callers that try again have theirs although others always wait.
func TestScarcePermitsAreShared(t *testing.T) {
	for _, tt := range []struct {
		name        string
		permits     int
		take, drain time.Duration
		again       time.Duration // until a caller that was refused tries again
		callers     float64       // the least part of the invocations that synchronous callers have
	}{
		{"quick", 1, 5 * ms, 0, 25 * ms, 0.3},
		{"one permit", 1, 40 * ms, ms, 25 * ms, 0.3},
		{"slow", 1, second, 0, 25 * ms, 0.2},
		{"slow and seldom", 1, second, 0, 200 * ms, 0.03},
		{"some permits", 3, 100 * ms, ms, 50 * ms, 0.3},
	} {
		t.Run(tt.name, func(t *testing.T) {
			bubble(t, func(r *rig) { r.pool.Function.ReservedConcurrentExecutions = &tt.permits }, func(r *rig) {
				ctx, cancel := context.WithTimeout(r.Context(), second+400*tt.take) // a second for the start
				defer cancel()
				e := event{Take: tt.take, Drain: tt.drain}
				var reserving [8]int // mappings' pollers, and the last two dispatch asynchronous events
				var called, refused atomic.Int32
				var work sync.WaitGroup
				for i := range reserving {
					work.Go(func() { reserving[i] = r.reserveUntil(ctx, e) })
				}
				for range 2 {
					work.Go(func() {
						for ctx.Err() == nil {
							got := r.answer(r.Functions.Invoke(ctx, call(e)))
							if got.Err == nil {
								called.Add(1)
								continue
							}
							refused.Add(1)
							time.Sleep(tt.again)
						}
					})
				}
				work.Wait()
				total := int(called.Load())
				for _, n := range reserving {
					total += n
				}
				for i, n := range reserving {
					if average := (total - int(called.Load())) / len(reserving); n < average-5 || n > average+5 {
						r.Errorf("%d of those who reserve ran %d times, on average %d", i, n, average)
					}
				}
				if got := float64(called.Load()) / float64(total); got < tt.callers || got > 0.7 {
					r.Errorf("%.3f of %d invocations are synchronous calls, want %.2f to 0.7; %d were refused", got, total, tt.callers, refused.Load())
				}
				if most := int(400*tt.take/(tt.take+tt.drain)) * tt.permits; total < most*95/100 {
					r.Errorf("%d invocations, %d could have run: permits were idle", total, most)
				}
			})
		})
	}
}

// reserveUntil reserves and invokes, again and again, until ctx ends. It returns how often.
func (r *rig) reserveUntil(ctx context.Context, e event) (times int) {
	for {
		slot, err := r.Reserve(ctx, "f")
		if err != nil {
			return times
		}
		if _, err := slot.Invoke(ctx, call(e)); err == nil {
			times++
		}
		slot.Release()
	}
}

// Callers that may wait briefly only are refused as fast as ever if nobody waits for long.
func TestCallersAreRefusedAtOnceWithoutALine(t *testing.T) {
	bubble(t, func(r *rig) { r.pool.Function.ReservedConcurrentExecutions = new(1) }, func(r *rig) {
		a := r.later(event{Take: minute})
		time.Sleep(second)
		for range 3 {
			r.wantErr(r.invoke(event{}), second, esm.ErrThrottled)
		}
		ctx, cancel := context.WithCancel(r.Context())
		waits := make(chan error, 1)
		go func() {
			_, err := r.Reserve(ctx, "f")
			waits <- err
		}()
		time.Sleep(second)
		r.wantErr(r.invoke(event{}), 2*second+10*ms, esm.ErrThrottled) // in turn with the one who waits, in vain
		cancel()
		if err := <-waits; !errors.Is(err, context.Canceled) {
			r.Errorf("got %v", err)
		}
		<-a
	})
}

// A function may add a thousand environments at once, and then a hundred a second.
func TestScalingRate(t *testing.T) {
	bubble(t, func(r *rig) {
		r.pool.Starts = 5000
		r.Functions.Limits = invoker.NewLimits(5000)
	}, func(r *rig) {
		wave := func(n, run int) {
			r.Helper()
			var calls []<-chan answer
			for range n {
				calls = append(calls, r.later(event{Take: minute}))
			}
			ran := 0
			for _, ch := range calls {
				got := <-ch
				if got.Err == nil {
					ran++
				} else if reason(got.Err) != "ConcurrentInvocationLimitExceeded" || !errors.Is(got.Err, esm.ErrThrottled) {
					r.Errorf("got %v", got.Err)
				}
			}
			if ran != run {
				r.Errorf("%d of %d calls ran, want %d", ran, n, run)
			}
		}
		wave(1200, 1000) // which takes 61 s, and refills the bucket
		wave(1000, 1000) // in those that are idle
		r.wantStarts(1000)
		wave(3000, 2000)
		r.wantStarts(2000)
		r.SetRemote(config.Function{Name: "g"}, backend(func(context.Context, esm.Call) (esm.Response, error) { return esm.Response{}, nil }))
		for range 3000 {
			if got := r.invoke(event{In: "g"}); got.Err != nil {
				r.Fatalf("a remote function: %v", got.Err)
			}
		}
	})
}
