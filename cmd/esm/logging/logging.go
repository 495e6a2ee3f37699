// Package logging writes what an engine and its handlers have to say to standard error and standard output: for people on a
// terminal, otherwise as structured lines.
package logging

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"slices"
	"sync"
	"sync/atomic"
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

// Log writes messages, and after Start the events of an engine. Its methods may be called concurrently.
type Log struct {
	Structured *slog.Logger // for structured lines, to the same writer

	level  slog.Level
	people bool // write for people, not structured
	color  bool
	json   bool
	stderr io.Writer
	queue  atomic.Pointer[queue] // nil before Start: messages are written at once
}

// message is a message of the command, as opposed to an event of the engine.
type message struct {
	level  slog.Level
	prefix string // for people
	text   string
}

// New returns the Log that the flags describe. The error is about a wrong flag.
func New(f Flags, stderr io.Writer) (*Log, error) {
	if f.Format != "" && !slices.Contains(Formats, f.Format) {
		return nil, fmt.Errorf("--log-format %q is neither text nor json", f.Format)
	}
	l := &Log{json: f.Format == "json", stderr: &LockedWriter{W: stderr}}
	if l.level.UnmarshalText([]byte(f.Level)) != nil {
		return nil, fmt.Errorf("--log-level %q is none of debug, info, warn and error", f.Level)
	}
	l.people = f.Format == "" && isTerminal(stderr)
	l.color = l.people && os.Getenv("NO_COLOR") == ""
	l.Structured = slog.New(l.handler(l.stderr))
	return l, nil
}

func (l *Log) handler(w io.Writer) slog.Handler {
	if l.json {
		return slog.NewJSONHandler(w, &slog.HandlerOptions{Level: l.level})
	}
	return slog.NewTextHandler(w, &slog.HandlerOptions{Level: l.level})
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
	if level < l.level {
		return
	}
	m := message{level, prefix, fmt.Sprintf(format, args...)}
	if q := l.queue.Load(); q != nil {
		q.add(entry{at: time.Now(), message: &m})
		return
	}
	l.print(l.stderr, l.Structured.Handler(), time.Now(), m)
}

func (l *Log) print(w io.Writer, h slog.Handler, at time.Time, m message) {
	if l.people {
		fmt.Fprintf(w, "%s   %s%s\n", at.Format(time.TimeOnly), m.prefix, m.text)
		return
	}
	_ = h.Handle(context.Background(), slog.NewRecord(at, m.level, m.text, 0))
}

// Start returns a trace that writes events: what handlers print to stdout, everything else to the Log. From now on a
// goroutine formats events and messages, in their order. The caller must call Close.
func (l *Log) Start(stdout io.Writer, mappings func(uuid string) observe.Mapping) trace.Func {
	var out, err bytes.Buffer
	handler := l.handler(&err)
	reporters := []func(time.Time, trace.Event){
		(&observe.Outputs{W: &out, JSON: l.json, Platform: !l.people || l.level <= slog.LevelDebug}).Report,
		(&observe.Logs{Handler: handler, Mappings: mappings}).Report,
	}
	if l.people {
		reporters[1] = (&observe.Lines{W: &err, Mappings: mappings, Color: l.color, Level: l.level}).Report
	}
	q := newQueue(func(entries []entry) {
		for _, e := range entries {
			if e.message != nil {
				l.print(&err, handler, e.at, *e.message)
				continue
			}
			for _, report := range reporters {
				report(e.at, e.event)
			}
		}
		pass(&out, stdout)
		pass(&err, l.stderr)
	})
	l.queue.Store(q)
	return func(e trace.Event) { q.add(entry{at: time.Now(), event: e}) }
}

// pass writes what is in b to w in one piece.
func pass(b *bytes.Buffer, w io.Writer) {
	if b.Len() > 0 {
		_, _ = w.Write(b.Bytes())
		b.Reset()
	}
}

// Flush formats all that was reported before. It does nothing before Start.
func (l *Log) Flush() {
	if q := l.queue.Load(); q != nil {
		q.flush()
	}
}

// Close formats what is left. The Log must not be used after that. It does nothing before Start.
func (l *Log) Close() {
	if q := l.queue.Load(); q != nil {
		q.close()
	}
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
