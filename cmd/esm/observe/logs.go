package observe

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"sync"
	"time"

	"github.com/esm-run/esm"
)

// Logs writes structured lines: one a batch at level INFO, what goes wrong at WARN, every step at DEBUG.
type Logs struct {
	Log      *slog.Logger
	Mappings map[string]Mapping // by UUID
}

// Trace writes.
func (l *Logs) Trace(e esm.Event) {
	switch e := e.(type) {
	case esm.Received:
		l.received(e)
	case esm.Filtered:
		l.at(slog.LevelDebug, e.Mapping, "filtered out", slog.Int("records", len(e.Records)))
	case esm.Invoking:
		l.at(slog.LevelDebug, e.Mapping, "invoking", slog.String("requestId", e.ID), slog.Int("records", len(e.Records)))
	case esm.Invoked:
		l.invoked(e)
	case esm.Deleted:
		l.at(slog.LevelDebug, e.Mapping, "deleted", slog.Int("records", len(e.Records)), slog.Bool("filtered", e.Filtered))
	case esm.Left:
		l.at(level(e.Err != nil), e.Mapping, "left in the queue",
			slog.Int("records", len(e.Records)), slog.String("reason", e.Reason), problem(e.Err))
	case esm.Scaled:
		l.at(slog.LevelDebug, e.Mapping, "scaled", slog.Int("pollers", e.Pollers))
	case esm.State:
		l.at(slog.LevelInfo, e.Mapping, "state", slog.String("state", e.State))
	case esm.Failing:
		l.at(slog.LevelWarn, e.Mapping, "trying again", problem(e.Err), slog.Duration("wait", e.Wait))
	case esm.Started:
		if e.Err != nil {
			l.Log.Warn("environment did not start", slog.String("function", e.Function), problem(e.Err))
			return
		}
		l.Log.Debug("environment started", slog.String("function", e.Function), slog.Duration("took", e.Took))
	}
}

func (l *Logs) received(e esm.Received) {
	if e.Err != nil {
		return // Failing tells it, with the pause
	}
	l.at(slog.LevelDebug, e.Mapping, "received", slog.Int("records", len(e.Records)), slog.Duration("took", e.Took))
}

func (l *Logs) invoked(e esm.Invoked) {
	attrs := []slog.Attr{
		slog.String("requestId", e.ID), slog.Int("records", len(e.Records)), slog.String("outcome", e.Verdict),
		slog.Duration("took", e.Took), slog.Int("tries", e.Tries),
	}
	if e.Verdict == "Done" {
		l.at(slog.LevelInfo, e.Mapping, "batch", attrs...)
		return
	}
	attrs = append(attrs, slog.String("reason", e.Reason), slog.Int("failed", failedRecords(e)), slog.String("detail", e.Detail))
	l.at(slog.LevelWarn, e.Mapping, "batch", attrs...)
}

func (l *Logs) at(level slog.Level, mapping, message string, attrs ...slog.Attr) {
	ctx := context.Background()
	if !l.Log.Enabled(ctx, level) {
		return
	}
	m := l.Mappings[mapping]
	who := []slog.Attr{slog.String("mapping", mapping), slog.String("source", m.Source), slog.String("function", m.Function)}
	l.Log.LogAttrs(ctx, level, message, append(who, attrs...)...)
}

func level(bad bool) slog.Level {
	if bad {
		return slog.LevelWarn
	}
	return slog.LevelDebug
}

func problem(err error) slog.Attr {
	if err == nil {
		return slog.Attr{}
	}
	return slog.String("error", err.Error())
}

// Outputs writes what handlers print, apart from the engine's own lines: each labelled with function and request id.
type Outputs struct {
	W        io.Writer
	JSON     bool
	Platform bool // also START, END and REPORT lines

	mu sync.Mutex
}

// Trace writes.
func (o *Outputs) Trace(e esm.Event) {
	line, ok := e.(esm.Output)
	if !ok || line.Platform && !o.Platform {
		return
	}
	var text []byte
	if o.JSON {
		text, _ = json.Marshal(outputLine{line.Time.UTC().Format(time.RFC3339Nano), line.Function, line.ID, line.Line})
		text = append(text, '\n')
	} else {
		text = fmt.Appendf(nil, "[%s %s] %s\n", line.Function, orDash(line.ID), line.Line)
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.W.Write(text) //nolint:errcheck // nobody is left to tell when standard output is gone
}

type outputLine struct {
	Time      string `json:"time"`
	Function  string `json:"function"`
	RequestID string `json:"requestId,omitempty"`
	Line      string `json:"line"`
}

func orDash(id string) string {
	if id == "" {
		return "-"
	}
	return id
}
