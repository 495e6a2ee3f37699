package observe

import (
	"fmt"
	"log/slog"

	"github.com/esm-run/esm"
	"github.com/esm-run/esm/trace"
)

// events writes about asynchronous events.
func (l *Lines) events(e trace.Event) {
	switch e := e.(type) {
	case trace.EventTried:
		l.eventTried(e)
	case trace.EventEnded:
		if e.Condition != esm.Success {
			l.line(signGaveUp, eventTitle(e.Function), "given up after %s (%s): %s", numberOfTries(e.Tries), e.Condition, brief(e.Error))
		}
	case trace.EventsRemoved:
		l.line(signChanged, eventTitle(e.Function), "%d dropped on request", e.Count)
	case trace.EventNotified:
		switch {
		case e.Err == nil:
			l.line(signNotified, eventTitle(e.Function), "%s sent to %s", e.Condition, e.Destination)
			return
		case e.Destination == "":
			l.line(signNotAccepted, eventTitle(e.Function), "%s kept as undelivered: %v", e.Condition, e.Err)
			return
		}
		l.line(signNotAccepted, eventTitle(e.Function), "%s not accepted by %s, kept as undelivered: %v", e.Condition, e.Destination, e.Err)
	}
}

func (l *Lines) eventTried(e trace.EventTried) {
	why := string(e.Reason)
	if e.Detail != "" {
		why += ": " + brief(e.Detail)
	}
	switch e.Verdict {
	case trace.Done:
		l.line(signDone, eventTitle(e.Function), "%v", round(e.Took))
	case trace.NotRun:
		l.line(signStillWaits, eventTitle(e.Function), "not run: %s", why)
	default:
		l.line(signFailed, eventTitle(e.Function), "%v  try %d  %s", round(e.Took), e.Tries, why)
	}
}

// eventTitle returns what a line about an event of a function begins with, or one about the events of all if it is empty.
func eventTitle(function string) string {
	if function == "" {
		return "events"
	}
	return "event → " + function
}

func numberOfTries(n int) string {
	if n == 1 {
		return "1 try"
	}
	return fmt.Sprintf("%d tries", n)
}

// events logs what happens to asynchronous events.
func (l *Logs) events(e trace.Event) {
	switch e := e.(type) {
	case trace.EventAccepted:
		l.event(slog.LevelDebug, "event accepted", e.Function, e.ID, slog.Int("bytes", e.Bytes))
	case trace.EventTried:
		l.eventTried(e)
	case trace.EventWaiting:
		l.event(slog.LevelDebug, "event waits", e.Function, e.ID, slog.String("reason", string(e.Why)), slog.Time("until", e.Until))
	case trace.EventEnded:
		l.eventEnded(e)
	case trace.EventsRemoved:
		l.log(l.Handler, slog.LevelInfo, "events dropped on request", slog.String("function", e.Function), slog.Int("events", e.Count))
	case trace.EventNotified:
		level, message := slog.LevelDebug, "notice sent"
		if e.Err != nil {
			level, message = slog.LevelWarn, "notice not accepted, kept as undelivered"
		}
		l.event(level, message, e.Function, e.ID, slog.String("condition", string(e.Condition)), slog.String("destination", e.Destination), failure(e.Err))
	}
}

func (l *Logs) eventTried(e trace.EventTried) {
	attrs := []slog.Attr{
		slog.String("outcome", e.Verdict.String()), milliseconds("tookMs", e.Took), milliseconds("ageMs", e.Age), slog.Int("tries", e.Tries),
	}
	level := slog.LevelInfo
	if e.Verdict != trace.Done {
		level = slog.LevelWarn
		attrs = append(attrs, slog.String("reason", string(e.Reason)), slog.String("detail", e.Detail))
	}
	if e.Verdict == trace.NotRun {
		level = slog.LevelDebug // it costs nothing, and is tried again
	}
	l.event(level, "event", e.Function, e.ID, attrs...)
}

func (l *Logs) eventEnded(e trace.EventEnded) {
	if e.Condition == esm.Success {
		l.event(slog.LevelDebug, "event ended", e.Function, e.ID, slog.String("condition", string(e.Condition)), slog.Int("owed", e.Owed))
		return
	}
	l.event(slog.LevelWarn, "event given up", e.Function, e.ID, slog.String("condition", string(e.Condition)), slog.Int("tries", e.Tries),
		milliseconds("ageMs", e.Age), slog.String("error", e.Error), slog.Int("owed", e.Owed))
}

// event logs a line about one asynchronous event.
func (l *Logs) event(level slog.Level, message, function, id string, attrs ...slog.Attr) {
	l.log(l.Handler, level, message, append([]slog.Attr{slog.String("function", function), slog.String("requestId", id)}, attrs...)...)
}
