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

// reporter is Lines, Logs or Outputs.
type reporter interface {
	Report(at time.Time, e trace.Event)
}

// report reports events that happen now.
func report(r reporter, events ...trace.Event) {
	for _, e := range events {
		r.Report(time.Now(), e)
	}
}

// described returns what Lines.Mappings and Logs.Mappings may be.
func described(mappings []Mapping) func(string) Mapping { return NewMonitor(mappings, nil).Mapping }

// lines returns what is written about events of the mapping orders, one each second.
func lines(t *testing.T, l *Lines, events ...trace.Event) string {
	t.Helper()
	return linesOf(t, l, orders, events...)
}

func linesOf(t *testing.T, l *Lines, m Mapping, events ...trace.Event) (written string) {
	t.Helper()
	synctest.Test(t, func(*testing.T) {
		var out strings.Builder
		l.W, l.Mappings = &out, described([]Mapping{m})
		for _, e := range events {
			report(l, e)
			time.Sleep(time.Second)
		}
		written = out.String()
	})
	return written
}

func check(t *testing.T, got, want string) {
	t.Helper()
	if want = strings.TrimPrefix(want, "\n"); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestLinesOfABatch(t *testing.T) {
	check(t, lines(t, new(Lines), story()...), `
00:00:00 ● orders → f:live  enabled
00:00:03 ∅ orders → f:live  2 records filtered out
00:00:07 ◐ orders → f:live  8 records  123ms  3 reported as failed, the rest deleted
`)
}

func TestLinesOfEveryOutcome(t *testing.T) {
	one := invoked(trace.Done, "", "", 1)
	one.Records, one.Took = recs(1), 1234567
	slow := invoked(trace.Failed, "FunctionTimeout", "Sandbox.Timedout:\n\x1b[31mtimed out", 1)
	slow.Took = 3*time.Second + 14159*time.Microsecond
	check(t, lines(t, new(Lines),
		one,
		invoked(trace.Done, "", "", 1),
		slow,
		invoked(trace.Failed, "FunctionError", `Unhandled: {"errorType":"Error","errorMessage":"no price","trace":["Error: no price"]}`, 1),
		invoked(trace.Refused, "Refused", "", 1),
		invoked(trace.NotRun, "Throttled", "no permit", 1),
		invoked(trace.NotRun, "Throttled", "no permit", 2),
		trace.Left{Mapping: uuid, Records: recs(2), Reason: "FunctionError"},
		trace.Left{Mapping: uuid, Records: recs(2), Reason: "RecordTooLarge"},
		trace.Left{Mapping: uuid, Records: recs(2), Reason: "DeleteFailed", Err: errRefused},
		trace.Started{Function: "f", Err: errors.New("no such file")},
		trace.Started{Function: "f", Took: time.Second},
		trace.Slowed{Mapping: uuid, Err: errors.New("polls do not wait")},
		trace.Slowed{Mapping: uuid, Err: errors.New("polls do not wait")},
	), `
00:00:00 ✓ orders → f:live  1 record  1.23ms
00:00:01 ✓ orders → f:live  8 records  12ms
00:00:02 ✗ orders → f:live  8 records  3.01s  FunctionTimeout: Sandbox.Timedout:  [31mtimed out
00:00:03 ✗ orders → f:live  8 records  12ms  FunctionError: Error: no price
00:00:04 ✗ orders → f:live  8 records  12ms  Refused
00:00:05 … orders → f:live  8 records  not run: Throttled: no permit; trying again
00:00:08 ↺ orders → f:live  2 records left in the queue: RecordTooLarge
00:00:09 ↺ orders → f:live  2 records left in the queue: DeleteFailed: connection refused
00:00:10 ✗ f  does not start: no such file
00:00:12 ! orders → f:live  polls do not wait
`)
}

func TestLinesOfTroubleAndItsEnd(t *testing.T) {
	down := trace.Failing{Mapping: uuid, Err: errRefused, Wait: time.Second}
	poll := trace.Received{Mapping: uuid}
	check(t, lines(t, new(Lines), poll, down, down, trace.Received{Mapping: uuid, Err: errRefused}, down, poll, poll, poll, poll, poll, poll, down), `
00:00:01 … orders → f:live  connection refused; trying again
00:00:09 ● orders → f:live  the source answers again
00:00:11 … orders → f:live  connection refused; trying again
`)
}

func TestLinesOfSuspiciousAnswers(t *testing.T) {
	odd := invoked(trace.Done, "", `"BatchItemFailures" is ignored`, 1)
	check(t, lines(t, new(Lines), odd, odd, invoked(trace.Done, "", "another", 1)), `
00:00:00 ✓ orders → f:live  8 records  12ms
00:00:00 ! orders → f:live  "BatchItemFailures" is ignored
00:00:01 ✓ orders → f:live  8 records  12ms
00:00:02 ✓ orders → f:live  8 records  12ms
00:00:02 ! orders → f:live  another
`)
}

func TestLinesByLevel(t *testing.T) {
	events := []trace.Event{
		trace.Scaled{Mapping: uuid, Pollers: 5},
		invoked(trace.Done, "", "", 1),
		invoked(trace.NotRun, "Throttled", "", 2),
		invoked(trace.NotRun, "Throttled", "", 1),
		invoked(trace.Failed, "FunctionError", "", 1),
	}
	for level, want := range map[slog.Level]string{
		slog.LevelDebug: "↕✓……✗", slog.LevelInfo: "✓…✗", slog.LevelWarn: "…✗", slog.LevelError: "✗",
	} {
		var marks strings.Builder
		for line := range strings.Lines(lines(t, &Lines{Level: level}, events...)) {
			marks.WriteString(strings.Fields(line)[1])
		}
		if got := marks.String(); got != want {
			t.Errorf("%v: got %s, want %s", level, got, want)
		}
	}
}

func TestLinesInColor(t *testing.T) {
	check(t, lines(t, &Lines{Color: true}, invoked(trace.Done, "", "", 1)), "00:00:00 \x1b[32m✓\x1b[0m orders → f:live  8 records  12ms\n")
}

func TestRound(t *testing.T) {
	for d, want := range map[time.Duration]string{
		123: "0s", 1234567: "1.23ms", 12345678: "12ms", 1234567890: "1.23s", 12345678901: "12.3s", 754 * time.Second: "12m34s",
	} {
		if got := round(d).String(); got != want {
			t.Errorf("%v: got %s, want %s", d, got, want)
		}
	}
}
