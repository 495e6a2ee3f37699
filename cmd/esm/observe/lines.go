package observe

import (
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/esm-run/esm"
)

// Lines writes for people: one line a batch, and one when something changes or goes wrong.
type Lines struct {
	W        io.Writer
	Mappings map[string]Mapping // by UUID
	Color    bool
	Verbose  bool // also polls and retries in place
	now      func() time.Time

	mu      sync.Mutex
	failing map[string]string // mapping → the trouble last written
}

// Trace writes.
func (l *Lines) Trace(e esm.Event) {
	switch e := e.(type) {
	case esm.Invoked:
		l.invoked(e)
	case esm.Filtered:
		l.write(e.Mapping, dim, "∅", "%s dropped by the filter", records(len(e.Records)))
	case esm.Left:
		if untold[e.Reason] {
			l.write(e.Mapping, yellow, "↺", "%s left in the queue: %s%s", records(len(e.Records)), e.Reason, because(e.Err))
		}
	case esm.Failing:
		if l.changed(e.Mapping, e.Err.Error()) {
			l.write(e.Mapping, yellow, "…", "%v; trying again, at most every 10 s", e.Err)
		}
	case esm.Received:
		if e.Err == nil && l.changed(e.Mapping, "") {
			l.write(e.Mapping, green, "●", "the source answers again")
		}
	case esm.Started:
		if e.Err != nil {
			l.line(red, "✗", e.Function, "%v", e.Err)
		}
	case esm.Scaled:
		if l.Verbose {
			l.write(e.Mapping, dim, "↕", "%d pollers", e.Pollers)
		}
	}
}

// untold are the reasons for leaving records that no line about an invocation has told already.
var untold = map[string]bool{
	"NoPermit": true, "RecordTooLarge": true, "GroupBlocked": true, "Stopping": true, "Returned": true, "DeleteFailed": true,
}

func (l *Lines) invoked(e esm.Invoked) {
	n, took := records(len(e.Records)), round(e.Took)
	switch e.Verdict {
	case "Done":
		l.write(e.Mapping, green, "✓", "%s  %v", n, took)
	case "Partial":
		l.write(e.Mapping, yellow, "◐", "%s  %v  %d reported as failed, the rest deleted", n, took, len(e.Failed))
	case "NotRun":
		if e.Tries == 1 || l.Verbose {
			l.write(e.Mapping, yellow, "…", "%s  not run: %s; trying again", n, detail(e))
		}
	default:
		l.write(e.Mapping, red, "✗", "%s  %v  %s", n, took, detail(e))
	}
}

func detail(e esm.Invoked) string {
	if e.Detail == "" {
		return e.Reason
	}
	return e.Reason + ": " + strings.ReplaceAll(e.Detail, "\n", " ")
}

// changed notes a mapping's trouble, "" for none, and reports whether it is news.
func (l *Lines) changed(mapping, trouble string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.failing == nil {
		l.failing = map[string]string{}
	}
	if l.failing[mapping] == trouble {
		return false
	}
	l.failing[mapping] = trouble
	return true
}

func (l *Lines) write(mapping, color, mark, format string, args ...any) {
	m := l.Mappings[mapping]
	l.line(color, mark, m.SourceName()+" → "+m.Function, format, args...)
}

func (l *Lines) line(color, mark, subject, format string, args ...any) {
	now := time.Now
	if l.now != nil {
		now = l.now
	}
	text := fmt.Sprintf(format, args...)
	if l.Color {
		mark = color + mark + reset
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	fmt.Fprintf(l.W, "%s %s %s  %s\n", now().Format("15:04:05"), mark, subject, text)
}

// The colours of a terminal.
const (
	red, green, yellow, dim, reset = "\x1b[31m", "\x1b[32m", "\x1b[33m", "\x1b[2m", "\x1b[0m"
)

func records(n int) string {
	if n == 1 {
		return "1 record"
	}
	return fmt.Sprintf("%d records", n)
}

func because(err error) string {
	if err == nil {
		return ""
	}
	return ": " + err.Error()
}

// round leaves three figures at the most.
func round(d time.Duration) time.Duration {
	switch {
	case d >= 10*time.Second:
		return d.Round(100 * time.Millisecond)
	case d >= time.Second:
		return d.Round(10 * time.Millisecond)
	case d >= 10*time.Millisecond:
		return d.Round(time.Millisecond)
	}
	return d.Round(10 * time.Microsecond)
}
