package async

import (
	"context"
	"encoding/json"
	"fmt"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/esm-run/esm"
	"github.com/esm-run/esm/checkpoint"
	"github.com/esm-run/esm/config"
	"github.com/esm-run/esm/engine/policy"
	"github.com/esm-run/esm/invoker"
	"github.com/esm-run/esm/trace"
)

const benchEvents = 10_000

// work is a remote function whose handler needs a time.
type work time.Duration

func (w work) Invoke(context.Context, esm.Call) (esm.Response, error) {
	if w > 0 {
		time.Sleep(time.Duration(w))
	}
	return esm.Response{Status: 200, Payload: json.RawMessage("null")}, nil
}

func benchInvoker(w work, permits int) *invoker.Functions {
	f := &invoker.Functions{Limits: invoker.NewLimits(permits)}
	f.SetRemote(config.Function{Name: "f"}, w)
	return f
}

// alone makes the invocations without a queue, and returns how long that took.
func alone(b *testing.B, functions *invoker.Functions) time.Duration {
	began := time.Now()
	var running sync.WaitGroup
	for range benchEvents {
		slot, err := functions.Reserve(b.Context(), "f")
		if err != nil {
			b.Fatal(err)
		}
		running.Go(func() {
			defer slot.Release()
			if _, err := slot.Invoke(b.Context(), esm.Call{Function: "f", Payload: json.RawMessage("1")}); err != nil {
				b.Error(err)
			}
		})
	}
	running.Wait()
	return time.Since(began)
}

// dispatch stores as many events, and returns how long it took to run them.
func dispatch(b *testing.B, functions *invoker.Functions) time.Duration {
	store, err := checkpoint.OpenEvents(filepath.Join(b.TempDir(), "events.db"))
	if err != nil {
		b.Fatal(err)
	}
	defer store.Close()
	payload, _ := json.Marshal(string(make([]byte, 180))) // about 1 KB
	now := time.Now()
	var adding sync.WaitGroup
	for range 1000 {
		adding.Go(func() {
			for range benchEvents / 1000 {
				if _, err := store.Add(b.Context(), esm.Event{Function: "f", Payload: payload, Accepted: now, Due: now}); err != nil {
					b.Error(err)
				}
			}
		})
	}
	adding.Wait()
	return drain(b, store, functions)
}

// drain runs the events of a store, and returns how long that took.
func drain(tb testing.TB, store esm.Events, functions *invoker.Functions) time.Duration {
	tb.Helper()
	var left sync.WaitGroup
	left.Add(benchEvents)
	feed := &Feed{
		Events: store, Invoker: functions,
		Target: func(string) policy.Target { return policy.Target{Exists: true} },
		Trace: func(e trace.Event) {
			if _, ended := e.(trace.EventEnded); ended {
				left.Done()
			}
		},
	}
	ctx, stop := context.WithCancel(tb.Context())
	var running sync.WaitGroup
	began := time.Now()
	running.Go(func() { feed.Run(ctx, tb.Context(), func() {}) })
	left.Wait()
	took := time.Since(began)
	stop()
	running.Wait()
	return took
}

// BenchmarkDispatch compares the time to run 10,000 events that wait, with as many permits as let ten thousand run in a second, with
// that of the invocations alone. The two take turns; "ratio" is of the best run each.
func BenchmarkDispatch(b *testing.B) {
	for permits, w := range map[int]work{10: work(time.Millisecond), 100: work(10 * time.Millisecond)} {
		b.Run(fmt.Sprintf("handler=%v/permits=%d", time.Duration(w), permits), func(b *testing.B) {
			functions := benchInvoker(w, permits)
			bare, queued := time.Hour, time.Hour
			for b.Loop() {
				for range 3 {
					bare = min(bare, alone(b, functions))
					queued = min(queued, dispatch(b, functions))
				}
			}
			b.ReportMetric(queued.Seconds()/bare.Seconds(), "ratio")
			b.ReportMetric(benchEvents/queued.Seconds(), "events/s")
		})
	}
}

// BenchmarkDispatchRate measures how fast events run at most: through a handler that needs no time.
func BenchmarkDispatchRate(b *testing.B) {
	functions := benchInvoker(0, 100)
	var took time.Duration
	for b.Loop() {
		took += dispatch(b, functions)
	}
	b.ReportMetric(float64(benchEvents*b.N)/took.Seconds(), "events/s")
}
