package observe

import (
	"log/slog"
	"strings"
	"time"

	"github.com/esm-run/esm/trace"
)

var signScheduled = sign{"◷", dim, slog.LevelDebug}

// scheduled writes about a rule that was due.
func (l *Lines) scheduled(e trace.Scheduled, fresh bool) {
	subject := "rule " + tail(e.Rule)
	switch {
	case e.Err == nil:
		l.line(signScheduled, subject, "sent the event of %s to %s (%s)", e.Due.Format(time.RFC3339), tail(e.Target), e.ID)
	case e.Wait == 0:
		l.line(signLost, subject, "the event of %s to %s is lost: %s", e.Due.Format(time.RFC3339), tail(e.Target), brief(e.Err.Error()))
	case fresh:
		l.line(signWaits, subject, "%s; trying again", brief(e.Err.Error()))
	}
}

// scheduled logs about a rule that was due.
func (l *Logs) scheduled(e trace.Scheduled, fresh bool) {
	level, message := slog.LevelDebug, "scheduled event sent"
	switch {
	case e.Err != nil && e.Wait == 0:
		level, message = slog.LevelError, "scheduled event lost"
	case e.Err != nil:
		level, message = newsLevel(fresh), "scheduled event not sent, trying again"
	}
	l.log(l.Handler, level, message, slog.String("rule", e.Rule), slog.String("target", e.Target), slog.String("requestId", e.ID),
		slog.Time("due", e.Due), failure(e.Err), milliseconds("waitMs", e.Wait))
}

// tail returns the last part of an ARN.
func tail(arn string) string { return arn[strings.LastIndexAny(arn, ":/")+1:] }
