package observe

import (
	"io"
	"log/slog"
	"testing"
	"time"

	"github.com/esm-run/esm/trace"
)

// What one batch of ten events costs: the Monitor with as many pollers as there are processors, the reporters in one goroutine.
func BenchmarkTrace(b *testing.B) { observed(b, orders, story()) }

// What one batch of a shard costs, which is seven events: it fails, and then does not.
func BenchmarkTraceOfAShard(b *testing.B) {
	in := numbered(1, 8)
	events := []trace.Event{trace.Received{Mapping: uuid, Shard: one, Records: in}}
	events = append(append(events, try(one, trace.Failed, 1, in)...), try(one, trace.Done, 2, in)...)
	observed(b, clicks, append(events, settled(one, in), trace.Received{Mapping: uuid, Shard: one}))
}

func observed(b *testing.B, mapping Mapping, events []trace.Event) {
	mappings := []Mapping{mapping}
	b.Run("Monitor", func(b *testing.B) {
		m := NewMonitor(mappings, []string{"f"})
		b.ReportAllocs()
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				tell(m.Trace, events...)
			}
		})
	})
	for name, r := range map[string]reporter{
		"Lines": &Lines{W: io.Discard, Mappings: described(mappings)},
		"Logs":  &Logs{Handler: slog.NewTextHandler(io.Discard, nil), Mappings: described(mappings)},
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				report(r, events...)
			}
		})
	}
}

// What it costs to look at ten thousand shards, of which a thousand are in trouble, and how long the engine waits meanwhile.
func BenchmarkStatusOfManyShards(b *testing.B) {
	m := NewMonitor([]Mapping{clicks}, nil)
	for n := range 10000 {
		m.Trace(trace.Reading{Mapping: uuid, Shard: shardNumber(n)})
		if n%10 == 0 {
			tell(m.Trace, try(shardNumber(n), trace.Failed, 1, numbered(1, 1))...)
		}
	}
	b.Run("Held", func(b *testing.B) {
		for b.Loop() {
			m.state(uuid).snapshot(time.Now())
		}
	})
	b.Run("Status", func(b *testing.B) {
		for b.Loop() {
			m.Status()
		}
	})
	b.Run("Metrics", func(b *testing.B) {
		for b.Loop() {
			_, _ = m.Registry.Gather()
		}
	})
}
