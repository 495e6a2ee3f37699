package observe

import (
	"context"
	"log/slog"
	"time"

	"github.com/esm-run/esm"
	"github.com/esm-run/esm/trace"
)

// Logs writes structured lines: one a batch at level INFO, what goes wrong at WARN, every step at DEBUG. What goes wrong
// again and again is told at WARN once a minute. Its fields are set before the first use.
type Logs struct {
	Log      *slog.Logger
	Mappings *Roster

	troubles troubles
	warnings repeats // of mappings
	stalls   repeats // likewise
	starts   repeats // of functions
	bursts   bursts[string]
}

// Trace is an [trace.Func].
func (l *Logs) Trace(e trace.Event) {
	switch e := e.(type) {
	case trace.Received:
		l.received(e)
	case trace.Filtered:
		l.about(e.Mapping, e.Shard, slog.LevelDebug, "filtered out", count(e.Records))
	case trace.Invoking:
		l.about(e.Mapping, e.Shard, slog.LevelDebug, "invoking", slog.String("requestId", e.ID), count(e.Records))
	case trace.Invoked:
		l.invoked(e)
	case trace.Deleted:
		l.about(e.Mapping, "", slog.LevelDebug, "deleted", count(e.Records), slog.Bool("filtered", e.Filtered))
	case trace.Left:
		l.about(e.Mapping, "", loudness(e), "left in the queue", count(e.Records), slog.String("reason", string(e.Reason)), trouble(e.Err))
	case trace.Scaled:
		l.about(e.Mapping, "", slog.LevelDebug, "scaled", slog.Int("pollers", e.Pollers))
	case trace.State:
		l.about(e.Mapping, "", slog.LevelInfo, "state", slog.String("state", e.State))
	case trace.Failing:
		level := quietly(l.troubles.failing(e))
		l.about(e.Mapping, e.Shard, level, "trying again", trouble(e.Err), milliseconds("waitMs", e.Wait))
	case trace.Slowed:
		l.about(e.Mapping, "", quietly(l.warnings.news(e.Mapping, e.Err.Error(), onlyOnce)), "polling is slowed down", trouble(e.Err))
	case trace.Started:
		l.started(e)
	case trace.Settled, trace.Dropped, trace.Notified, trace.Reading, trace.Drained, trace.Listed:
		l.stream(e)
	}
}

func (l *Logs) received(e trace.Received) {
	if e.Err != nil {
		return // Failing tells it, with the pause
	}
	l.answered(e.Mapping, e.Shard)
	l.about(e.Mapping, e.Shard, slog.LevelDebug, "received", count(e.Records), milliseconds("tookMs", e.Took))
}

// answered tells that trouble is over, and how much was told of it at DEBUG alone.
func (l *Logs) answered(mapping, shard string) {
	if l.troubles.answered(mapping, shard) {
		l.about(mapping, "", slog.LevelInfo, "the source answers again")
	}
	for _, more := range l.bursts.rest(mapping) {
		l.more(mapping, more.kind, more.lines)
	}
}

func (l *Logs) invoked(e trace.Invoked) {
	attrs := []slog.Attr{
		slog.String("requestId", e.ID), count(e.Records), slog.String("outcome", e.Verdict.String()),
		milliseconds("tookMs", e.Took), slog.Int("tries", e.Tries),
	}
	if e.Verdict == trace.Done {
		l.about(e.Mapping, e.Shard, slog.LevelInfo, "batch", attrs...)
		l.warn(e)
		return
	}
	level := quietly(e.Verdict != trace.NotRun || waits(e, &l.stalls))
	attrs = append(attrs, slog.String("reason", string(e.Reason)), slog.Int("failed", failedRecords(e)), slog.String("detail", e.Detail))
	l.about(e.Mapping, e.Shard, level, "batch", attrs...)
}

// warn tells of an answer that is taken for a success and was probably meant otherwise.
func (l *Logs) warn(e trace.Invoked) {
	if e.Detail != "" && l.warnings.news(e.Mapping, e.Detail, everyMinute) {
		l.about(e.Mapping, e.Shard, slog.LevelWarn, "the answer counts as success", slog.String("requestId", e.ID), slog.String("detail", e.Detail))
	}
}

func (l *Logs) started(e trace.Started) {
	level, message := slog.LevelDebug, "environment started"
	if e.Err != nil {
		level, message = quietly(l.starts.news(e.Function, kind(e.Err), everyMinute)), "environment did not start"
	} else {
		l.starts.over(e.Function)
	}
	l.Log.LogAttrs(context.Background(), level, message,
		slog.String("function", e.Function), milliseconds("tookMs", e.Took), trouble(e.Err))
}

func (l *Logs) about(mapping, shard string, level slog.Level, message string, attrs ...slog.Attr) {
	ctx := context.Background()
	if shard != "" && level == slog.LevelWarn && message != messageGivenUp && !l.passes(mapping, message) {
		level = slog.LevelDebug
	}
	if !l.Log.Enabled(ctx, level) {
		return
	}
	m := l.Mappings.of(mapping)
	who := []slog.Attr{slog.String("mapping", mapping), slog.String("source", m.Source), slog.String("function", m.Function)}
	if shard != "" {
		who = append(who, slog.String("shard", shard))
	}
	l.Log.LogAttrs(ctx, level, message, append(who, attrs...)...)
}

func (l *Logs) passes(mapping, message string) bool {
	pass, before := l.bursts.pass(mapping, message)
	l.more(mapping, message, before)
	return pass
}

// more tells how many lines were at DEBUG because there were too many.
func (l *Logs) more(mapping, message string, lines int) {
	if lines > 0 {
		l.about(mapping, "", slog.LevelWarn, "and more", slog.String("of", message), slog.Int("lines", lines))
	}
}

// quietly is the level of trouble: DEBUG if it is told elsewhere or was just told.
func quietly(news bool) slog.Level {
	if news {
		return slog.LevelWarn
	}
	return slog.LevelDebug
}

// loudness is the level at which records are said to be left.
func loudness(e trace.Left) slog.Level {
	switch {
	case !untold(e):
		return slog.LevelDebug
	case expected(e):
		return slog.LevelInfo
	}
	return slog.LevelWarn
}

func count(recs []esm.Record) slog.Attr { return slog.Int("records", len(recs)) }

// milliseconds names its unit, which a bare number in JSON would not tell.
func milliseconds(key string, d time.Duration) slog.Attr {
	return slog.Float64(key, float64(d.Microseconds())/1000)
}

// trouble is an error, and nothing when there is none.
func trouble(err error) slog.Attr {
	if err == nil {
		return slog.Attr{}
	}
	return slog.String("error", err.Error())
}
