package observe

import (
	"io"
	"log/slog"
	"testing"

	"github.com/esm-run/esm"
)

// What one batch of ten events costs each observer, with as many pollers at once as there are processors.
func BenchmarkTrace(b *testing.B) {
	mappings, functions := []Mapping{orders}, []string{"f"}
	quiet := &slog.HandlerOptions{Level: slog.LevelInfo}
	for name, trace := range map[string]esm.Trace{
		"Board":   NewBoard(mappings, functions).Trace,
		"Metrics": NewMetrics(mappings, functions).Trace,
		"Lines":   (&Lines{W: io.Discard, Mappings: ByUUID(mappings)}).Trace,
		"Logs":    (&Logs{Log: slog.New(slog.NewJSONHandler(io.Discard, quiet)), Mappings: ByUUID(mappings)}).Trace,
	} {
		b.Run(name, func(b *testing.B) {
			events := story()
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
