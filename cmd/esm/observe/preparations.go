package observe

import (
	"fmt"
	"log/slog"
	"time"

	"github.com/esm-run/esm/trace"
)

// progressEvery is how often the progress of a long preparation is reported.
const progressEvery = 5 * time.Second

// preparations writes about what comes before a function's first environment, and about warnings.
func (l *Lines) preparations(e trace.Event, fresh bool) {
	switch e := e.(type) {
	case trace.Pulling:
		switch {
		case e.Err != nil: // whoever needs the image reports it
		case e.Done:
			l.line(signDone, e.Image, "pulled  %s  %v", size(e.Total), round(e.Took))
		case fresh:
			l.line(signProgress, e.Image, "pulling%s", progress(e.Bytes, e.Total))
		}
	case trace.Unpacking:
		switch {
		case e.Done == e.Total:
			l.line(signDone, e.Path, "unpacked  %s", size(e.Total))
		case fresh:
			l.line(signProgress, e.Path, "unpacking%s", progress(e.Done, e.Total))
		}
	case trace.Warning:
		switch {
		case !fresh:
		case e.Function == "":
			l.line(signWarning, "warning:", "%s", e.Text)
		default:
			l.line(signWarning, e.Function, "%s", e.Text)
		}
	}
}

// preparations logs what comes before a function's first environment, and warnings.
func (l *Logs) preparations(e trace.Event, fresh bool) {
	switch e := e.(type) {
	case trace.Pulling:
		level, message := slog.LevelDebug, "pulling an image"
		switch {
		case e.Err != nil:
			message = "image not pulled"
		case e.Done:
			level, message = slog.LevelInfo, "image pulled"
		case fresh:
			level = slog.LevelInfo
		}
		l.log(l.Handler, level, message, slog.String("function", e.Function), slog.String("image", e.Image),
			slog.Int64("bytes", e.Bytes), slog.Int64("total", e.Total), milliseconds("tookMs", e.Took), failure(e.Err))
	case trace.Unpacking:
		level := slog.LevelDebug
		if fresh || e.Done == e.Total {
			level = slog.LevelInfo
		}
		l.log(l.Handler, level, "unpacking", slog.String("path", e.Path), slog.Int64("bytes", e.Done), slog.Int64("total", e.Total))
	case trace.Warning:
		attrs := []slog.Attr{}
		if e.Function != "" {
			attrs = append(attrs, slog.String("function", e.Function))
		}
		l.log(l.Handler, newsLevel(fresh), e.Text, attrs...)
	}
}

// progress returns how much of a total is done, or nothing while that is unknown.
func progress(done, total int64) string {
	if total == 0 {
		return ""
	}
	return fmt.Sprintf("  %s of %s", size(done), size(total))
}

// size formats a number of bytes for people.
func size(bytes int64) string {
	const kB, MB, GB = 1000, 1000 * 1000, 1000 * 1000 * 1000
	switch {
	case bytes >= GB:
		return fmt.Sprintf("%.1f GB", float64(bytes)/GB)
	case bytes >= MB:
		return fmt.Sprintf("%.0f MB", float64(bytes)/MB)
	}
	return fmt.Sprintf("%.0f kB", float64(bytes)/kB)
}
