package main

import (
	"fmt"
	"io"
	"log/slog"
	"os"
	"slices"
	"sync"
	"time"

	"golang.org/x/term"

	"github.com/esm-run/esm"
	"github.com/esm-run/esm/cmd/esm/observe"
)

// logFlags say how `esm run` talks.
type logFlags struct{ format, level string }

func (f logFlags) check() error {
	if !slices.Contains([]string{"", "text", "json"}, f.format) {
		return fmt.Errorf("--log-format %q is neither text nor json", f.format)
	}
	if new(slog.Level).UnmarshalText([]byte(f.level)) != nil {
		return fmt.Errorf("--log-level %q is none of debug, info, warn and error", f.level)
	}
	return nil
}

// voice is how the engine talks: to people, or in structured lines.
type voice struct {
	people bool
	color  bool
	level  slog.Level
	log    *slog.Logger // structured lines

	mu sync.Mutex
	w  io.Writer
}

// voice chooses by the flags and by where stderr leads.
func (f logFlags) voice(stderr io.Writer) *voice {
	v := &voice{w: stderr}
	_ = v.level.UnmarshalText([]byte(f.level)) // checked before
	terminal := false
	if file, ok := stderr.(*os.File); ok {
		terminal = term.IsTerminal(int(file.Fd()))
	}
	v.people = f.format == "" && terminal
	v.color = v.people && os.Getenv("NO_COLOR") == ""
	options := &slog.HandlerOptions{Level: v.level}
	if f.format == "json" {
		v.log = slog.New(slog.NewJSONHandler(stderr, options))
	} else {
		v.log = slog.New(slog.NewTextHandler(stderr, options))
	}
	return v
}

// info and warn tell one thing that is not about a batch.
func (v *voice) info(format string, args ...any) { v.say(slog.LevelInfo, "", format, args...) }
func (v *voice) warn(format string, args ...any) { v.say(slog.LevelWarn, "warning: ", format, args...) }

func (v *voice) say(level slog.Level, prefix, format string, args ...any) {
	if level < v.level {
		return
	}
	if !v.people {
		v.log.Log(nil, level, fmt.Sprintf(format, args...)) //nolint:staticcheck // no context to speak of
		return
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	fmt.Fprintf(v.w, "%s   %s%s\n", time.Now().Format(time.TimeOnly), prefix, fmt.Sprintf(format, args...))
}

// traces are the observers that talk.
func (v *voice) traces(stdout io.Writer, f logFlags, mappings []observe.Mapping) []esm.Trace {
	byID := map[string]observe.Mapping{}
	for _, m := range mappings {
		byID[m.UUID] = m
	}
	verbose := v.level <= slog.LevelDebug
	output := &observe.Outputs{W: stdout, JSON: f.format == "json", Platform: !v.people || verbose}
	if v.people {
		lines := &observe.Lines{W: v.w, Mappings: byID, Color: v.color, Verbose: verbose}
		return []esm.Trace{output.Trace, lines.Trace}
	}
	logs := &observe.Logs{Log: v.log, Mappings: byID}
	return []esm.Trace{output.Trace, logs.Trace}
}
