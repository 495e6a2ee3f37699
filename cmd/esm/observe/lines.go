package observe

import (
	"fmt"
	"io"
	"log/slog"
	"strings"
	"sync"
	"time"
	"unicode"

	"github.com/esm-run/esm/trace"
)

// Lines writes for people: one line a batch, and one when something changes or goes wrong. What goes wrong again and
// again is told once a minute, and what is odd about a function's answers once. Of what thousands of shards meet at once,
// the first lines of each second are written and the others counted. Its fields are set before the first use.
type Lines struct {
	W        io.Writer // gets whole lines, one at a time
	Mappings *Roster
	Color    bool       // as terminals show it
	Level    slog.Level // what is below it is not told: LevelDebug tells of scaling and of every try too

	troubles troubles
	warnings repeats // of mappings
	stalls   repeats // likewise
	starts   repeats // of functions
	bursts   bursts[sign]

	mu sync.Mutex // held while a line is written
}

// Trace is an [trace.Func].
func (l *Lines) Trace(e trace.Event) {
	switch e := e.(type) {
	case trace.Invoked:
		l.invoked(e)
	case trace.Filtered:
		l.about(e.Mapping, e.Shard, signFiltered, "%s dropped by the filter", records(len(e.Records)))
	case trace.Left:
		l.left(e)
	case trace.Received:
		if e.Err == nil {
			l.answered(e.Mapping, e.Shard)
		}
	case trace.Listed:
		l.answered(e.Mapping, "")
	case trace.Failing:
		if l.troubles.failing(e) {
			l.about(e.Mapping, e.Shard, signWaits, "%v; trying again", e.Err)
		}
	case trace.Slowed:
		if l.warnings.news(e.Mapping, e.Err.Error(), onlyOnce) {
			l.about(e.Mapping, "", signWarning, "%v", e.Err)
		}
	case trace.State:
		l.about(e.Mapping, "", signChanged, "%s", strings.ToLower(e.State))
	case trace.Scaled:
		l.about(e.Mapping, "", signScaled, "%d pollers", e.Pollers)
	case trace.Started:
		l.started(e)
	case trace.Reading, trace.Dropped, trace.Notified, trace.Drained:
		l.stream(e)
	}
}

// answered tells that trouble is over, and what was held back until then.
func (l *Lines) answered(mapping, shard string) {
	if l.troubles.answered(mapping, shard) {
		l.about(mapping, "", signChanged, "the source answers again")
	}
	for _, more := range l.bursts.rest(mapping) {
		l.more(mapping, more.kind, more.lines)
	}
}

func (l *Lines) invoked(e trace.Invoked) {
	n, took := records(len(e.Records)), round(e.Took)
	switch e.Verdict {
	case trace.Done:
		l.about(e.Mapping, e.Shard, signDone, "%s  %v", n, took)
		if e.Detail != "" && l.warnings.news(e.Mapping, e.Detail, onlyOnce) {
			l.about(e.Mapping, e.Shard, signWarning, "%s", e.Detail)
		}
	case trace.Partial:
		l.about(e.Mapping, e.Shard, signPartial, "%s  %v  %d reported as failed, %s", n, took, len(e.Failed), rest(e))
	case trace.NotRun:
		how := signWaits
		if !waits(e, &l.stalls) {
			how = signStillWaits
		}
		l.about(e.Mapping, e.Shard, how, "%s  not run: %s; trying again", n, why(e))
	default:
		l.about(e.Mapping, e.Shard, signFailed, "%s  %v  %s%s", n, took, again(e), why(e))
	}
}

// rest says what becomes of a batch of which some records were reported as failed.
func rest(e trace.Invoked) string {
	if e.Shard == "" {
		return "the rest deleted"
	}
	return "going on from the first of them"
}

// again says which try of a run of a shard's records it was, if not the first.
func again(e trace.Invoked) string {
	if e.Shard == "" || e.Tries <= 1 {
		return ""
	}
	return fmt.Sprintf("try %d  ", e.Tries)
}

func (l *Lines) left(e trace.Left) {
	switch {
	case !untold(e):
	case e.Err != nil:
		l.about(e.Mapping, "", signLeft, "%s left in the queue: %s: %v", records(len(e.Records)), e.Reason, e.Err)
	default:
		l.about(e.Mapping, "", signLeft, "%s left in the queue: %s", records(len(e.Records)), e.Reason)
	}
}

func (l *Lines) started(e trace.Started) {
	switch {
	case e.Err == nil:
		l.starts.over(e.Function)
	case l.starts.news(e.Function, kind(e.Err), everyMinute):
		l.line(signFailed, e.Function, "does not start: %s", brief(e.Err.Error()))
	}
}

// sign is what a line begins with, and how loud it is.
type sign struct {
	mark, color string
	level       slog.Level
}

var (
	signDone       = sign{"✓", green, slog.LevelInfo}
	signPartial    = sign{"◐", yellow, slog.LevelWarn}
	signFailed     = sign{"✗", red, slog.LevelError}
	signFiltered   = sign{"∅", dim, slog.LevelInfo}
	signLeft       = sign{"↺", yellow, slog.LevelWarn}
	signWaits      = sign{"…", yellow, slog.LevelWarn}
	signStillWaits = sign{"…", yellow, slog.LevelDebug}
	signWarning    = sign{"!", yellow, slog.LevelWarn}
	signChanged    = sign{"●", green, slog.LevelInfo}
	signScaled     = sign{"↕", dim, slog.LevelDebug}
	signReading    = sign{"▸", dim, slog.LevelDebug}
	signDrained    = sign{"■", dim, slog.LevelInfo}
	signGivenUp    = sign{"⊘", red, slog.LevelError}
	signUntaken    = sign{"⚑", red, slog.LevelError}
	signTaken      = sign{"⚑", dim, slog.LevelDebug}
	signLost       = sign{"‼", red, slog.LevelError}
)

// The colours of a terminal.
const (
	red, green, yellow, dim, reset = "\x1b[31m", "\x1b[32m", "\x1b[33m", "\x1b[2m", "\x1b[0m"
)

// about writes a line about a mapping, or about one of its shards: then it may be held back.
func (l *Lines) about(mapping, shard string, s sign, format string, args ...any) {
	title := l.Mappings.of(mapping).Title()
	if shard != "" {
		if !l.passes(mapping, s) {
			return
		}
		title += "  shard " + ShortShard(shard)
	}
	l.line(s, title, format, args...)
}

func (l *Lines) passes(mapping string, s sign) bool {
	if s.level < l.Level {
		return false
	}
	pass, before := l.bursts.pass(mapping, s)
	l.more(mapping, s, before)
	return pass
}

// more tells how many lines were held back.
func (l *Lines) more(mapping string, s sign, lines int) {
	if lines > 0 {
		l.about(mapping, "", s, "and %d more such lines", lines)
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
	text := plain(fmt.Sprintf(format, args...))
	l.mu.Lock()
	defer l.mu.Unlock()
	fmt.Fprintf(l.W, "%s %s %s  %s\n", time.Now().Format(time.TimeOnly), mark, subject, text)
}

// plain is text for one line of a terminal, which must not be steered by what a handler or a service says.
func plain(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, text)
}

// why says in one line why a batch is not done.
func why(e trace.Invoked) string {
	if e.Detail == "" {
		return string(e.Reason)
	}
	return string(e.Reason) + ": " + brief(e.Detail)
}

func records(n int) string {
	if n == 1 {
		return "1 record"
	}
	return fmt.Sprintf("%d records", n)
}

// round leaves what people care to know of a duration.
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
