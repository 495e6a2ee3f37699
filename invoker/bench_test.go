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

func (instant) Start(context.Context, config.Function) (invoker.Environment, error) {
	return instant{}, nil
}
func (instant) Invoke(context.Context, esm.Call) (esm.Response, error) { return esm.Response{}, nil }
func (instant) Drain(context.Context) error                            { return nil }
func (instant) Close()                                                 {}

func BenchmarkReserveInvokeRelease(b *testing.B) {
	once := func(b *testing.B, f *invoker.Functions) {
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
	for _, kind := range []struct {
		name  string
		trace trace.Func
	}{{"silent", nil}, {"traced", func(trace.Event) {}}} {
		open := func(b *testing.B) *invoker.Functions {
			f := &invoker.Functions{Limits: invoker.NewLimits(100), Trace: kind.trace}
			f.SetLocal(&invoker.Pool{Function: config.Function{Name: "f"}, Starter: instant{}, Trace: kind.trace})
			b.Cleanup(func() { f.Close(context.Background()) })
			b.ReportAllocs()
			return f
		}
		b.Run(kind.name+"/one", func(b *testing.B) {
			f := open(b)
			for b.Loop() {
				once(b, f)
			}
		})
		b.Run(kind.name+"/parallel", func(b *testing.B) {
			f := open(b)
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					once(b, f)
				}
			})
		})
	}
}
