package observe

import (
	"fmt"

	"github.com/esm-run/esm"
	"github.com/esm-run/esm/trace"
)

// stream writes about an event that only streams have.
func (l *Lines) stream(e trace.Event) {
	switch e := e.(type) {
	case trace.Reading:
		l.reading(e)
	case trace.Dropped:
		l.about(e.Mapping, e.Shard, signGaveUp, "gave up %s%s: %s%s", what(len(e.Records)), tries(e), e.Why, span(e.Records))
	case trace.Notified:
		l.notified(e)
	case trace.Drained:
		l.about(e.Mapping, e.Shard, signDrained, "read to its end")
	}
}

func (l *Lines) reading(e trace.Reading) {
	switch {
	case e.Lost != nil:
		l.about(e.Mapping, e.Shard, signLost, "%v", e.Lost)
	case e.Position == "":
		l.about(e.Mapping, e.Shard, signReading, "reading from the beginning")
	default:
		l.about(e.Mapping, e.Shard, signReading, "reading after %s", e.Position)
	}
}

func (l *Lines) notified(e trace.Notified) {
	if e.Err == nil {
		l.about(e.Mapping, e.Shard, signNotified, "notice of %s sent to %s", what(e.Records), e.Destination)
		return
	}
	l.about(e.Mapping, e.Shard, signNotAccepted, "notice of %s not accepted by %s: %v; it is kept: see esm undelivered list",
		what(e.Records), e.Destination, e.Err)
}

// what returns what a notice is about: a number of records or, without any, the end of a tumbling window.
func what(n int) string {
	if n == 0 {
		return "a window's final invocation"
	}
	return records(n)
}

// tries returns how often records were tried before they were given up. Finding that they are too old is not a try, although
// AWS counts it.
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

// span returns the first and the last of records in brackets.
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

// ends returns the sequence numbers of the first and the last of records.
func ends(recs []esm.Record) (first, last string) {
	if len(recs) == 0 {
		return "", ""
	}
	return recs[0].ID, recs[len(recs)-1].ID
}
