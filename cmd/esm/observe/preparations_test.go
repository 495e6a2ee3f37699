package observe

import (
	"errors"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/esm-run/esm/trace"
)

// preparing is a pull of 12 seconds with a report each second, one that fails, an archive, and a repeated warning.
func preparing() (events []trace.Event) {
	for i := range int64(12) {
		events = append(events, trace.Pulling{Function: "f", Image: "shop:v1", Bytes: i * 10e6, Total: min(i, 1) * 120e6})
	}
	return append(events,
		trace.Pulling{Function: "f", Image: "shop:v1", Bytes: 120e6, Total: 120e6, Took: 12 * time.Second, Done: true},
		trace.Pulling{Function: "f", Image: "shop:v2", Err: errors.New("manifest unknown")},
		trace.Unpacking{Path: "/src/app.zip", Done: 5e5, Total: 1.5e9},
		trace.Unpacking{Path: "/src/app.zip", Done: 1e9, Total: 1.5e9},
		trace.Unpacking{Path: "/src/app.zip", Done: 1.5e9, Total: 1.5e9},
		trace.Warning{Text: "nothing blocks the metadata address"},
		trace.Warning{Text: "nothing blocks the metadata address"},
		trace.Warning{Function: "f", Text: "does not reach the engine"})
}

func TestLinesOfPreparations(t *testing.T) {
	check(t, lines(t, new(Lines), preparing()...), `
00:00:00 ↓ shop:v1  pulling
00:00:05 ↓ shop:v1  pulling  50 MB of 120 MB
00:00:10 ↓ shop:v1  pulling  100 MB of 120 MB
00:00:12 ✓ shop:v1  pulled  120 MB  12s
00:00:14 ↓ /src/app.zip  unpacking  500 kB of 1.5 GB
00:00:16 ✓ /src/app.zip  unpacked  1.5 GB
00:00:17 ! warning:  nothing blocks the metadata address
00:00:19 ! f  does not reach the engine
`)
}

func TestLogsOfPreparations(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out strings.Builder
		l := &Logs{Handler: slog.NewTextHandler(&out, &slog.HandlerOptions{ReplaceAttr: withoutTime})}
		for _, e := range preparing() {
			report(l, e)
			time.Sleep(time.Second)
		}
		check(t, out.String(), `
level=INFO msg="pulling an image" function=f image=shop:v1 bytes=0 total=0 tookMs=0
level=INFO msg="pulling an image" function=f image=shop:v1 bytes=50000000 total=120000000 tookMs=0
level=INFO msg="pulling an image" function=f image=shop:v1 bytes=100000000 total=120000000 tookMs=0
level=INFO msg="image pulled" function=f image=shop:v1 bytes=120000000 total=120000000 tookMs=12000
level=INFO msg=unpacking path=/src/app.zip bytes=500000 total=1500000000
level=INFO msg=unpacking path=/src/app.zip bytes=1500000000 total=1500000000
level=WARN msg="nothing blocks the metadata address"
level=WARN msg="does not reach the engine" function=f
`)
	})
}
