package observe

import (
	"fmt"
	"log/slog"
	"strings"

	"github.com/esm-run/esm"
	"github.com/esm-run/esm/trace"
)

// stream writes about an event that only streams have.
func (l *Lines) stream(e trace.Event) {
	switch e := e.(type) {
	case trace.Reading:
		l.reading(e)
	case trace.Dropped:
		l.about(e.Mapping, e.Shard, signGivenUp, "%s given up: %s%s%s", what(len(e.Records)), e.Why, tries(e), span(e.Records))
	case trace.Notified:
		l.notified(e)
	case trace.Drained:
		l.answered(e.Mapping, e.Shard)
		l.about(e.Mapping, e.Shard, signDrained, "read to its end")
	}
}

func (l *Lines) reading(e trace.Reading) {
	if e.Shard == "" {
		l.troubles.forget(e.Mapping)
	}
	switch {
	case e.Lost != nil:
		l.about(e.Mapping, e.Shard, signLost, "%v", e.Lost)
	case e.Position == "":
		l.about(e.Mapping, e.Shard, signReading, "read from its beginning")
	default:
		l.about(e.Mapping, e.Shard, signReading, "read on after %s", e.Position)
	}
}

func (l *Lines) notified(e trace.Notified) {
	if e.Err == nil {
		l.about(e.Mapping, e.Shard, signTaken, "notice of %s sent to %s", what(e.Records), e.Destination)
		return
	}
	l.about(e.Mapping, e.Shard, signUntaken, "notice of %s not taken by %s: %v; it is kept: esm undelivered list",
		what(e.Records), e.Destination, e.Err)
}

const messageGivenUp = "given up"

// stream logs an event that only streams have.
func (l *Logs) stream(e trace.Event) {
	switch e := e.(type) {
	case trace.Settled:
		l.about(e.Mapping, e.Shard, slog.LevelDebug, "settled", count(e.Records), slog.String("position", e.Position))
	case trace.Dropped:
		first, last := ends(e.Records)
		l.about(e.Mapping, e.Shard, slog.LevelWarn, messageGivenUp, count(e.Records), slog.String("reason", string(e.Why)), slog.Int("tries", e.Tries),
			slog.String("first", first), slog.String("last", last))
	case trace.Notified:
		l.notified(e)
	case trace.Reading:
		l.reading(e)
	case trace.Drained:
		l.answered(e.Mapping, e.Shard)
		l.about(e.Mapping, e.Shard, slog.LevelInfo, "drained")
	case trace.Listed:
		l.answered(e.Mapping, "")
		l.about(e.Mapping, "", slog.LevelDebug, "listed", slog.Int("shards", e.Shards), slog.Int("reading", e.Reading))
	}
}

func (l *Logs) reading(e trace.Reading) {
	if e.Shard == "" {
		l.troubles.forget(e.Mapping)
	}
	level, message := slog.LevelDebug, "reading"
	if e.Lost != nil {
		level, message = slog.LevelWarn, "records may be missing or come again"
	}
	l.about(e.Mapping, e.Shard, level, message, slog.String("position", e.Position), trouble(e.Lost))
}

func (l *Logs) notified(e trace.Notified) {
	level, message := slog.LevelDebug, "notice sent"
	if e.Err != nil {
		level, message = slog.LevelWarn, "notice not taken, and kept"
	}
	l.about(e.Mapping, e.Shard, level, message, slog.Int("records", e.Records), slog.String("destination", e.Destination), trouble(e.Err))
}

// what is what a notice is about: some records, or what a tumbling window ends with.
func what(n int) string {
	if n == 0 {
		return "a window's final invocation"
	}
	return records(n)
}

// tries says how often what was given up had been tried. The try that finds records too old is none, although AWS counts
// it.
func tries(e trace.Dropped) string {
	n := e.Tries
	if e.Why == esm.RecordAgeExceeded {
		n--
	}
	switch {
	case n <= 0:
		return ""
	case n == 1:
		return " after 1 try"
	}
	return fmt.Sprintf(" after %d tries", n)
}

// span is from which record to which, in brackets.
func span(recs []esm.Record) string {
	first, last := ends(recs)
	switch {
	case first == "":
		return ""
	case first == last:
		return " (" + first + ")"
	}
	return " (" + first + " to " + last + ")"
}

// ends are the sequence numbers of the first and the last of records.
func ends(recs []esm.Record) (first, last string) {
	if len(recs) == 0 {
		return "", ""
	}
	return recs[0].ID, recs[len(recs)-1].ID
}

// ShortShard returns the part of a shard's ID that distinguishes it from its neighbors: Kinesis numbers shards, DynamoDB ends
// each ID with a text of its own.
func ShortShard(id string) string {
	const most = 12
	short := strings.TrimPrefix(id, "shardId-")
	if _, own, cut := strings.Cut(short, "-"); cut && own != "" {
		short = own
	} else if number := strings.TrimLeft(short, "0"); number != "" {
		short = number
	} else {
		short = "0"
	}
	if runes := []rune(short); len(runes) > most {
		short = "…" + string(runes[len(runes)-most:])
	}
	return short
}
