package main

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

// logFlags say how `esm run` talks.
type logFlags struct{ format, level string }

// The values of logFlags. No format is for people where they look on, and text otherwise.
var (
	logFormats = []string{"text", "json"}
	logLevels  = []string{"debug", "info", "warn", "error"}
)

// voice is how the engine talks on standard error: to people, or in structured lines. Its methods may be called side by
// side.
type voice struct {
	level  slog.Level
	people bool
	color  bool
	json   bool
	w      io.Writer    // standard error
	log    *slog.Logger // structured lines, on w too
}

// newVoice makes the voice that the flags ask for. Its error is a wrong flag.
func newVoice(f logFlags, stderr io.Writer) (*voice, error) {
	if f.format != "" && !slices.Contains(logFormats, f.format) {
		return nil, fmt.Errorf("--log-format %q is neither text nor json", f.format)
	}
	v := &voice{json: f.format == "json", w: &inTurn{w: stderr}}
	if v.level.UnmarshalText([]byte(f.level)) != nil {
		return nil, fmt.Errorf("--log-level %q is none of debug, info, warn and error", f.level)
	}
	v.people = f.format == "" && isTerminal(stderr)
	v.color = v.people && os.Getenv("NO_COLOR") == ""
	var handler slog.Handler = slog.NewTextHandler(v.w, &slog.HandlerOptions{Level: v.level})
	if v.json {
		handler = slog.NewJSONHandler(v.w, &slog.HandlerOptions{Level: v.level})
	}
	v.log = slog.New(handler)
	return v, nil
}

func isTerminal(w io.Writer) bool {
	if b, ok := w.(*backlog); ok {
		w = b.w
	}
	file, ok := w.(*os.File)
	return ok && term.IsTerminal(int(file.Fd()))
}

// info and warn tell one thing that is not about a batch.
func (v *voice) info(format string, args ...any) { v.say(slog.LevelInfo, "", format, args...) }
func (v *voice) warn(format string, args ...any) { v.say(slog.LevelWarn, "warning: ", format, args...) }

func (v *voice) say(level slog.Level, prefix, format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	switch {
	case level < v.level:
	case v.people:
		fmt.Fprintf(v.w, "%s   %s%s\n", time.Now().Format(time.TimeOnly), prefix, text)
	default:
		v.log.Log(context.Background(), level, text)
	}
}

// traces are the observers that talk: what handlers print goes to stdout, the rest where the voice goes.
func (v *voice) traces(stdout io.Writer, roster *observe.Roster) []trace.Func {
	outputs := &observe.Outputs{W: stdout, JSON: v.json, Platform: !v.people || v.level <= slog.LevelDebug}
	if v.people {
		lines := &observe.Lines{W: v.w, Mappings: roster, Color: v.color, Level: v.level}
		return []trace.Func{outputs.Trace, lines.Trace}
	}
	logs := &observe.Logs{Log: v.log, Mappings: roster}
	return []trace.Func{outputs.Trace, logs.Trace}
}

// inTurn lets one at a time write, so that lines from different hands do not mix.
type inTurn struct {
	mu sync.Mutex
	w  io.Writer
}

func (t *inTurn) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.w.Write(p)
}
