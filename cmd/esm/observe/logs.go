package observe

import (
	"context"
	"log/slog"
	"time"

	"github.com/esm-run/esm"
	"github.com/esm-run/esm/trace"
)

// Logs writes structured lines: one for each batch at level INFO, trouble at WARN, and every step at DEBUG. Repeated trouble
// is logged at WARN once a minute. Its fields are set before the first use. It belongs to one goroutine.
type Logs struct {
	Handler  slog.Handler
	Mappings func(uuid string) Mapping // describes a mapping

	handlers map[string]mappingHandler // by mapping
	news     news[string]              // by message
}

// mappingHandler is a handler that has formatted the attributes of a mapping already.
type mappingHandler struct {
	slog.Handler
	source, function string
}

// Messages that are compared.
const (
	messageGaveUp = "gave up"
	messageBatch  = "batch"
)

// Report logs an event that happened at a time.
func (l *Logs) Report(at time.Time, e trace.Event) {
	found := l.news.of(at, e, everyMinute)
	if found.recovered {
		l.about(found.mapping, "", slog.LevelInfo, "the source answers again")
	}
	for _, more := range found.more {
		l.more(found.mapping, more.kind, more.lines)
	}
	switch e := e.(type) {
	case trace.Received:
		l.received(e)
	case trace.Filtered:
		l.about(e.Mapping, e.Shard, slog.LevelDebug, "filtered out", count(e.Records))
	case trace.Invoking:
		l.about(e.Mapping, e.Shard, slog.LevelDebug, "invoking", slog.String("requestId", e.ID), count(e.Records))
	case trace.Invoked:
		l.invoked(e, found.fresh)
	case trace.Deleted:
		l.about(e.Mapping, "", slog.LevelDebug, "deleted", count(e.Records), slog.Bool("filtered", e.Filtered))
	case trace.Left:
		l.about(e.Mapping, "", leftLevel(e), "left in the queue", count(e.Records), slog.String("reason", string(e.Reason)), failure(e.Err))
	case trace.Scaled:
		l.about(e.Mapping, "", slog.LevelDebug, "scaled", slog.Int("pollers", e.Pollers))
	case trace.State:
		l.about(e.Mapping, "", slog.LevelInfo, "state", slog.String("state", e.State))
	case trace.Failing:
		l.about(e.Mapping, e.Shard, newsLevel(found.fresh), "trying again", failure(e.Err), milliseconds("waitMs", e.Wait))
	case trace.Slowed:
		l.about(e.Mapping, "", newsLevel(found.fresh), "polling is slowed down", failure(e.Err))
	case trace.Started:
		l.started(e, found.fresh)
	case trace.Scheduled:
		l.scheduled(e, found.fresh)
	case trace.EventsFailing:
		l.log(l.Handler, newsLevel(found.fresh), "events: trying again", slog.String("function", e.Function), failure(e.Err), milliseconds("waitMs", e.Wait))
	default:
		l.stream(e)
		l.events(e)
		l.preparations(e, found.fresh)
	}
}

func (l *Logs) received(e trace.Received) {
	if e.Err != nil {
		return // a Failing follows, with the pause
	}
	l.about(e.Mapping, e.Shard, slog.LevelDebug, "received", count(e.Records), milliseconds("tookMs", e.Took))
}

func (l *Logs) invoked(e trace.Invoked, fresh bool) {
	attrs := [8]slog.Attr{
		slog.String("requestId", e.ID), count(e.Records), slog.String("outcome", e.Verdict.String()),
		milliseconds("tookMs", e.Took), slog.Int("tries", e.Tries),
	}
	if e.Verdict == trace.Done {
		l.about(e.Mapping, e.Shard, slog.LevelInfo, messageBatch, attrs[:5]...)
		if fresh { // it counts as a success and was probably meant otherwise
			l.about(e.Mapping, e.Shard, slog.LevelWarn, "the answer counts as success", slog.String("requestId", e.ID), slog.String("detail", e.Detail))
		}
		return
	}
	attrs[5], attrs[6], attrs[7] = slog.String("reason", string(e.Reason)), slog.Int("failed", failedRecords(e)), slog.String("detail", e.Detail)
	l.about(e.Mapping, e.Shard, newsLevel(fresh), messageBatch, attrs[:]...)
}

func (l *Logs) started(e trace.Started, fresh bool) {
	level, message := slog.LevelDebug, "environment started"
	if e.Err != nil {
		level, message = newsLevel(fresh), "environment did not start"
	}
	l.log(l.Handler, level, message, slog.String("function", e.Function), milliseconds("tookMs", e.Took), failure(e.Err))
}

// stream logs an event that only streams have.
func (l *Logs) stream(e trace.Event) {
	switch e := e.(type) {
	case trace.Settled:
		l.about(e.Mapping, e.Shard, slog.LevelDebug, "settled", count(e.Records), slog.String("position", e.Position))
	case trace.Dropped:
		first, last := ends(e.Records)
		l.about(e.Mapping, e.Shard, slog.LevelWarn, messageGaveUp, count(e.Records), slog.String("reason", string(e.Why)), slog.Int("tries", e.Tries),
			slog.String("first", first), slog.String("last", last))
	case trace.Notified:
		l.notified(e)
	case trace.Reading:
		l.reading(e)
	case trace.Drained:
		l.about(e.Mapping, e.Shard, slog.LevelInfo, "drained")
	case trace.Listed:
		l.about(e.Mapping, "", slog.LevelDebug, "listed", slog.Int("shards", e.Shards), slog.Int("reading", e.Reading))
	}
}

func (l *Logs) reading(e trace.Reading) {
	level, message := slog.LevelDebug, "reading"
	if e.Lost != nil {
		level, message = slog.LevelWarn, "records may be missing or repeated"
	}
	l.about(e.Mapping, e.Shard, level, message, slog.String("position", e.Position), failure(e.Lost))
}

func (l *Logs) notified(e trace.Notified) {
	level, message := slog.LevelDebug, "notice sent"
	if e.Err != nil {
		level, message = slog.LevelWarn, "notice not accepted, kept as undelivered"
	}
	l.about(e.Mapping, e.Shard, level, message, slog.Int("records", e.Records), slog.String("destination", e.Destination), failure(e.Err))
}

// about logs a line about a mapping, or about one of its shards. Too many warnings about shards become DEBUG, except those of
// records that were given up.
func (l *Logs) about(mapping, shard string, level slog.Level, message string, attrs ...slog.Attr) {
	if shard != "" && level == slog.LevelWarn && message != messageGaveUp {
		ok, before := l.news.line(mapping, message)
		l.more(mapping, message, before)
		if !ok {
			level = slog.LevelDebug
		}
	}
	if !l.Handler.Enabled(context.Background(), level) {
		return
	}
	if shard == "" {
		l.log(l.handler(mapping), level, message, attrs...)
		return
	}
	l.log(l.handler(mapping), level, message, append([]slog.Attr{slog.String("shard", shard)}, attrs...)...)
}

// handler returns the handler of a mapping.
func (l *Logs) handler(uuid string) slog.Handler {
	m, known := l.Mappings(uuid), l.handlers[uuid]
	if known.Handler != nil && known.source == m.Source && known.function == m.Function {
		return known.Handler
	}
	h := l.Handler.WithAttrs([]slog.Attr{
		slog.String("mapping", uuid), slog.String("source", m.Source), slog.String("function", m.Function),
	})
	if l.handlers == nil {
		l.handlers = map[string]mappingHandler{}
	}
	l.handlers[uuid] = mappingHandler{h, m.Source, m.Function}
	return h
}

func (l *Logs) log(h slog.Handler, level slog.Level, message string, attrs ...slog.Attr) {
	if !h.Enabled(context.Background(), level) {
		return
	}
	r := slog.NewRecord(l.news.now, level, message, 0)
	r.AddAttrs(attrs...)
	_ = h.Handle(context.Background(), r)
}

// more logs how many lines were at DEBUG because there were too many.
func (l *Logs) more(mapping, message string, lines int) {
	if lines > 0 {
		l.about(mapping, "", slog.LevelWarn, "and more", slog.String("of", message), slog.Int("lines", lines))
	}
}

// newsLevel returns the level of trouble: DEBUG if it was just logged.
func newsLevel(news bool) slog.Level {
	if news {
		return slog.LevelWarn
	}
	return slog.LevelDebug
}

// leftLevel returns the level of records that are left in the queue.
func leftLevel(e trace.Left) slog.Level {
	switch {
	case !onlyLeft(e):
		return slog.LevelDebug
	case intended(e):
		return slog.LevelInfo
	}
	return slog.LevelWarn
}

func count(recs []esm.Record) slog.Attr { return slog.Int("records", len(recs)) }

// milliseconds returns an attribute whose key names the unit.
func milliseconds(key string, d time.Duration) slog.Attr {
	return slog.Float64(key, float64(d.Microseconds())/1000)
}

// failure returns the attribute of an error, which is empty and not logged if there is none.
func failure(err error) slog.Attr {
	if err == nil {
		return slog.Attr{}
	}
	return slog.String("error", err.Error())
}
