package invoker_test

import (
	"context"
	"testing"

	"github.com/esm-run/esm"
	"github.com/esm-run/esm/config"
	"github.com/esm-run/esm/invoker"
	"github.com/esm-run/esm/trace"
)

// instant is an environment that takes no time.
type instant struct{}

func (instant) Start(context.Context, config.Function, invoker.Initialization) (invoker.Environment, error) {
	return instant{}, nil
}
func (instant) Invoke(context.Context, esm.Call) (esm.Response, error) { return esm.Response{}, nil }
func (instant) Drain(context.Context) error                            { return nil }
func (instant) Freeze()                                                {}
func (instant) ID() string                                             { return "" }
func (instant) Memory() int                                            { return 0 }
func (instant) Close()                                                 {}

func BenchmarkReserveInvokeRelease(b *testing.B) {
	emit := func(trace.Event) {}
	f := &invoker.Functions{Limits: invoker.NewLimits(100), Trace: emit}
	f.SetLocal(&invoker.Pool{Function: config.Function{Name: "f"}, Starter: instant{}, Trace: emit})
	b.Cleanup(func() { f.Close(context.Background()) })
	once := func(b *testing.B) {
		slot, err := f.Reserve(b.Context(), "f")
		if err != nil {
			b.Error(err)
			return
		}
		if _, err := slot.Invoke(b.Context(), esm.Call{Function: "f"}); err != nil {
			b.Error(err)
		}
		slot.Release()
	}
	b.Run("one", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			once(b)
		}
	})
	b.Run("parallel", func(b *testing.B) {
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				once(b)
			}
		})
	})
}
