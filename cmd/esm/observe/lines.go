package observe

import (
	"fmt"
	"io"
	"log/slog"
	"strings"
	"time"
	"unicode"

	"github.com/esm-run/esm/trace"
)

// Lines writes for people: a line for each batch, and one when something changes or goes wrong. Repeated trouble is written
// once a minute, and a suspicious answer of a function once. Of the lines about the shards of a mapping, the first of each
// second are written and the others counted. Its fields are set before the first use. It belongs to one goroutine.
type Lines struct {
	W        io.Writer                 // receives whole lines
	Mappings func(uuid string) Mapping // describes a mapping
	Color    bool                      // for terminals
	Level    slog.Level                // lines below it are not written; LevelDebug shows scaling and every try

	news news[sign]
}

// Report writes about an event that happened at a time.
func (l *Lines) Report(at time.Time, e trace.Event) {
	found := l.news.of(at, e, onlyOnce)
	if found.recovered {
		l.about(found.mapping, "", signChanged, "the source answers again")
	}
	for _, more := range found.more {
		l.more(found.mapping, more.kind, more.lines)
	}
	switch e := e.(type) {
	case trace.Invoked:
		l.invoked(e, found.fresh)
	case trace.Filtered:
		l.about(e.Mapping, e.Shard, signFiltered, "%s filtered out", records(len(e.Records)))
	case trace.Left:
		l.left(e)
	case trace.Failing:
		if found.fresh {
			l.about(e.Mapping, e.Shard, signWaits, "%v; trying again", e.Err)
		}
	case trace.Slowed:
		if found.fresh {
			l.about(e.Mapping, "", signWarning, "%v", e.Err)
		}
	case trace.State:
		l.about(e.Mapping, "", signChanged, "%s", strings.ToLower(e.State))
	case trace.Scaled:
		l.about(e.Mapping, "", signScaled, "%d pollers", e.Pollers)
	case trace.Started:
		if e.Err != nil && found.fresh {
			l.line(signFailed, e.Function, "does not start: %s", brief(e.Err.Error()))
		}
	case trace.Scheduled:
		l.scheduled(e, found.fresh)
	case trace.EventsFailing:
		if found.fresh {
			l.line(signWaits, eventTitle(e.Function), "%v; trying again", e.Err)
		}
	default:
		l.stream(e)
		l.events(e)
		l.preparations(e, found.fresh)
	}
}

func (l *Lines) invoked(e trace.Invoked, fresh bool) {
	n, took := records(len(e.Records)), round(e.Took)
	switch e.Verdict {
	case trace.Done:
		l.about(e.Mapping, e.Shard, signDone, "%s  %v", n, took)
		if fresh {
			l.about(e.Mapping, e.Shard, signWarning, "%s", e.Detail)
		}
	case trace.Partial:
		l.about(e.Mapping, e.Shard, signPartial, "%s  %v  %d reported as failed, %s", n, took, len(e.Failed), rest(e))
	case trace.NotRun:
		s := signStillWaits
		if fresh {
			s = signWaits
		}
		l.about(e.Mapping, e.Shard, s, "%s  not run: %s; trying again", n, why(e))
	default:
		l.about(e.Mapping, e.Shard, signFailed, "%s  %v  %s%s", n, took, tryNumber(e), why(e))
	}
}

// rest says what happens to a batch of which some records were reported as failed.
func rest(e trace.Invoked) string {
	if e.Shard == "" {
		return "the rest deleted"
	}
	return "continuing with the first of them"
}

// tryNumber returns the number of the try of a stream's records, if it is not the first.
func tryNumber(e trace.Invoked) string {
	if e.Shard == "" || e.Tries <= 1 {
		return ""
	}
	return fmt.Sprintf("try %d  ", e.Tries)
}

func (l *Lines) left(e trace.Left) {
	switch {
	case !onlyLeft(e):
	case e.Err != nil:
		l.about(e.Mapping, "", signLeft, "%s left in the queue: %s: %v", records(len(e.Records)), e.Reason, e.Err)
	default:
		l.about(e.Mapping, "", signLeft, "%s left in the queue: %s", records(len(e.Records)), e.Reason)
	}
}

// sign is the mark that a line begins with, and its level.
type sign struct {
	mark, color string
	level       slog.Level
}

var (
	signDone        = sign{"✓", green, slog.LevelInfo}
	signPartial     = sign{"◐", yellow, slog.LevelWarn}
	signFailed      = sign{"✗", red, slog.LevelError}
	signFiltered    = sign{"∅", dim, slog.LevelInfo}
	signLeft        = sign{"↺", yellow, slog.LevelWarn}
	signWaits       = sign{"…", yellow, slog.LevelWarn}
	signStillWaits  = sign{"…", yellow, slog.LevelDebug}
	signWarning     = sign{"!", yellow, slog.LevelWarn}
	signChanged     = sign{"●", green, slog.LevelInfo}
	signScaled      = sign{"↕", dim, slog.LevelDebug}
	signProgress    = sign{"↓", dim, slog.LevelInfo}
	signReading     = sign{"▸", dim, slog.LevelDebug}
	signDrained     = sign{"■", dim, slog.LevelInfo}
	signGaveUp      = sign{"⊘", red, slog.LevelError}
	signNotAccepted = sign{"⚑", red, slog.LevelError}
	signNotified    = sign{"⚑", dim, slog.LevelDebug}
	signLost        = sign{"‼", red, slog.LevelError}
)

// The colors of a terminal.
const (
	red, green, yellow, dim, reset = "\x1b[31m", "\x1b[32m", "\x1b[33m", "\x1b[2m", "\x1b[0m"
)

// about writes a line about a mapping, or about one of its shards. Lines about shards may be suppressed.
func (l *Lines) about(mapping, shard string, s sign, format string, args ...any) {
	if s.level < l.Level {
		return
	}
	m := l.Mappings(mapping)
	title := m.Title()
	if shard != "" {
		ok, before := l.news.line(mapping, s)
		l.more(mapping, s, before)
		if !ok {
			return
		}
		title += "  shard " + m.ShortShard(shard)
	}
	l.line(s, title, format, args...)
}

// more writes how many lines were suppressed.
func (l *Lines) more(mapping string, s sign, lines int) {
	if lines > 0 {
		l.about(mapping, "", s, "and %d more lines like this", lines)
	}
}

func (l *Lines) line(s sign, subject, format string, args ...any) {
	if s.level < l.Level {
		return
	}
	mark := s.mark
	if l.Color {
		mark = s.color + mark + reset
	}
	fmt.Fprintf(l.W, "%s %s %s  %s\n", l.news.now.Format(time.TimeOnly), mark, subject, plain(fmt.Sprintf(format, args...)))
}

// plain returns text without control characters: what a handler or a service says must not control the terminal.
func plain(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, text)
}

func records(n int) string {
	if n == 1 {
		return "1 record"
	}
	return fmt.Sprintf("%d records", n)
}

// round returns a duration with the precision that people need.
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
