// Package logging is how the command talks on standard error and standard output: lines for people on a terminal, structured
// lines otherwise.
package logging

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"slices"
	"sync"
	"time"

	"golang.org/x/term"

	"github.com/esm-run/esm/cmd/esm/observe"
	"github.com/esm-run/esm/trace"
)

// Flags are the values of --log-format and --log-level. An empty Format means lines for people on a terminal, and text
// otherwise.
type Flags struct{ Format, Level string }

// Values of Flags.
var (
	Formats = []string{"text", "json"}
	Levels  = []string{"debug", "info", "warn", "error"}
)

// Log writes what the engine reports to standard error: for people, or as structured lines. Its methods may be used
// concurrently.
type Log struct {
	Structured *slog.Logger // for structured lines, to the same writer

	level  slog.Level
	people bool // write for people, not structured
	color  bool
	json   bool
	w      io.Writer
}

// New returns the Log that the flags describe. The error is about a wrong flag.
func New(f Flags, stderr io.Writer) (*Log, error) {
	if f.Format != "" && !slices.Contains(Formats, f.Format) {
		return nil, fmt.Errorf("--log-format %q is neither text nor json", f.Format)
	}
	l := &Log{json: f.Format == "json", w: &LockedWriter{W: stderr}}
	if l.level.UnmarshalText([]byte(f.Level)) != nil {
		return nil, fmt.Errorf("--log-level %q is none of debug, info, warn and error", f.Level)
	}
	l.people = f.Format == "" && isTerminal(stderr)
	l.color = l.people && os.Getenv("NO_COLOR") == ""
	var handler slog.Handler = slog.NewTextHandler(l.w, &slog.HandlerOptions{Level: l.level})
	if l.json {
		handler = slog.NewJSONHandler(l.w, &slog.HandlerOptions{Level: l.level})
	}
	l.Structured = slog.New(handler)
	return l, nil
}

func isTerminal(w io.Writer) bool {
	if b, ok := w.(*Buffer); ok {
		w = b.w
	}
	file, ok := w.(*os.File)
	return ok && term.IsTerminal(int(file.Fd()))
}

// Info reports something that is not about a batch.
func (l *Log) Info(format string, args ...any) { l.write(slog.LevelInfo, "", format, args...) }

// Warn reports a problem that is not about a batch.
func (l *Log) Warn(format string, args ...any) { l.write(slog.LevelWarn, "warning: ", format, args...) }

func (l *Log) write(level slog.Level, prefix, format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	switch {
	case level < l.level:
	case l.people:
		fmt.Fprintf(l.w, "%s   %s%s\n", time.Now().Format(time.TimeOnly), prefix, text)
	default:
		l.Structured.Log(context.Background(), level, text)
	}
}

// Traces returns the observers that write: what handlers print goes to stdout, everything else to the Log.
func (l *Log) Traces(stdout io.Writer, roster *observe.Roster) []trace.Func {
	outputs := &observe.Outputs{W: stdout, JSON: l.json, Platform: !l.people || l.level <= slog.LevelDebug}
	if l.people {
		lines := &observe.Lines{W: l.w, Mappings: roster, Color: l.color, Level: l.level}
		return []trace.Func{outputs.Trace, lines.Trace}
	}
	logs := &observe.Logs{Log: l.Structured, Mappings: roster}
	return []trace.Func{outputs.Trace, logs.Trace}
}

// LockedWriter serializes writes, so that lines do not mix.
type LockedWriter struct {
	mu sync.Mutex
	W  io.Writer
}

func (t *LockedWriter) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.W.Write(p)
}
