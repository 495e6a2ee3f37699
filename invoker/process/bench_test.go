package process

import (
	"encoding/json"
	"slices"
	"testing"
	"time"

	"github.com/esm-run/esm"
	"github.com/esm-run/esm/invoker"
	"github.com/esm-run/esm/invoker/lifecycle"
	"github.com/esm-run/esm/trace"
)

// BenchmarkWarmInvoke measures invocations of an aws-lambda-go handler in a process of its own: until its answer (p50,
// p99), and until the environment is free (ns/op).
func BenchmarkWarmInvoke(b *testing.B) {
	s := &lifecycle.Starter{Platform: &Platform{Dir: b.TempDir()}, Trace: func(trace.Event) {}}
	e, err := s.Start(b.Context(), handler("echo", nil), invoker.OnDemand)
	if err != nil {
		b.Fatal(err)
	}
	defer e.Close()
	c := esm.Call{ID: testID, Function: "f", Payload: json.RawMessage(`{"Records":[{"messageId":"1","body":"Test message."}]}`)}
	var took []time.Duration
	for b.Loop() {
		began := time.Now()
		if resp, err := e.Invoke(b.Context(), c); err != nil || resp.Fault != "" {
			b.Fatal(err, resp)
		}
		took = append(took, time.Since(began))
		must(b, e.Drain(b.Context()))
	}
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)/2].Nanoseconds()), "p50-ns")
	b.ReportMetric(float64(took[len(took)*99/100].Nanoseconds()), "p99-ns")
}

// BenchmarkStart measures a start up to the runtime's first request, and a Close.
func BenchmarkStart(b *testing.B) {
	s := &lifecycle.Starter{Platform: &Platform{Dir: b.TempDir()}}
	var starting, closing time.Duration
	for b.Loop() {
		began := time.Now()
		e, err := s.Start(b.Context(), handler("echo", nil), invoker.OnDemand)
		if err != nil {
			b.Fatal(err)
		}
		started := time.Now()
		e.Close()
		starting += started.Sub(began)
		closing += time.Since(started)
	}
	b.ReportMetric(float64(starting.Nanoseconds())/float64(b.N), "start-ns")
	b.ReportMetric(float64(closing.Nanoseconds())/float64(b.N), "close-ns")
}
