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
	payload, _ := json.Marshal(string(make([]byte, 180))) // about 1 KB
	var accepting sync.WaitGroup
	for range 100 {
		accepting.Go(func() {
			for range benchEvents / 100 {
				if err := feed.Accept(b.Context(), esm.Event{Function: "f", Payload: payload}); err != nil {
					b.Error(err)
				}
			}
		})
	}
	accepting.Wait()
	ctx, stop := context.WithCancel(b.Context())
	var running sync.WaitGroup
	began := time.Now()
	running.Go(func() { feed.Run(ctx, b.Context(), func() {}) })
	left.Wait()
	took := time.Since(began)
	stop()
	running.Wait()
	return took
}

// BenchmarkDispatch compares the time to run 10,000 events that wait with that of the invocations alone.
func BenchmarkDispatch(b *testing.B) {
	for _, w := range []work{0, work(time.Millisecond), work(10 * time.Millisecond)} {
		for _, permits := range []int{10, 100} {
			b.Run(fmt.Sprintf("handler=%v/permits=%d", time.Duration(w), permits), func(b *testing.B) {
				functions := benchInvoker(w, permits)
				var bare, queued time.Duration
				for b.Loop() {
					bare += alone(b, functions)
					queued += dispatch(b, functions)
				}
				b.ReportMetric(queued.Seconds()/bare.Seconds(), "ratio")
				b.ReportMetric(benchEvents*float64(b.N)/queued.Seconds(), "events/s")
			})
		}
	}
}
