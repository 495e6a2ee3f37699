package observe

import (
	"io"
	"log/slog"
	"testing"

	"github.com/esm-run/esm/trace"
)

// What one batch of ten events costs each observer, with as many pollers at once as there are processors.
func BenchmarkTrace(b *testing.B) { observed(b, orders, story()) }

// What one batch of a shard costs, which is seven events: it fails, and then does not.
func BenchmarkTraceOfAShard(b *testing.B) {
	in := numbered(1, 8)
	events := []trace.Event{trace.Received{Mapping: uuid, Shard: one, Records: in}}
	events = append(append(events, try(one, trace.Failed, 1, in)...), try(one, trace.Done, 2, in)...)
	observed(b, clicks, append(events, settled(one, in), trace.Received{Mapping: uuid, Shard: one}))
}

func observed(b *testing.B, mapping Mapping, events []trace.Event) {
	mappings, functions := []Mapping{mapping}, []string{"f"}
	quiet := &slog.HandlerOptions{Level: slog.LevelInfo}
	for name, trace := range map[string]trace.Func{
		"Board":   NewBoard(mappings, functions).Trace,
		"Metrics": NewMetrics(mappings, functions).Trace,
		"Lines":   (&Lines{W: io.Discard, Mappings: NewRoster(mappings)}).Trace,
		"Logs":    (&Logs{Log: slog.New(slog.NewJSONHandler(io.Discard, quiet)), Mappings: NewRoster(mappings)}).Trace,
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					for _, e := range events {
						trace(e)
					}
				}
			})
		})
	}
}

// What it takes to look at ten thousand shards, of which a thousand are in trouble, and how long the board is held for it.
func BenchmarkLookAtManyShards(b *testing.B) {
	board, metrics := NewBoard([]Mapping{clicks}, nil), NewMetrics([]Mapping{clicks}, nil)
	for n := range 10000 {
		emit := Tee(board.Trace, metrics.Trace)
		emit(trace.Reading{Mapping: uuid, Shard: shardNumber(n)})
		if n%10 == 0 {
			tell(emit, try(shardNumber(n), trace.Failed, 1, numbered(1, 1))...)
		}
	}
	b.Run("Held", func(b *testing.B) {
		for b.Loop() {
			board.copy()
		}
	})
	b.Run("Status", func(b *testing.B) {
		for b.Loop() {
			board.Status()
		}
	})
	b.Run("Metrics", func(b *testing.B) {
		for b.Loop() {
			_, _ = metrics.Registry.Gather()
		}
	})
}
