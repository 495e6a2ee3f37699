package observe

import (
	"errors"
	"math"
	"net"
	"strings"
	"time"
)

// How often a repeated text is reported.
const (
	everyMinute = time.Minute
	onlyOnce    = time.Duration(math.MaxInt64)

	// maxTexts is the number of different texts about one subject that are reported in that time.
	maxTexts = 10

	// calm is how long nothing may have gone wrong before trouble is over. Where one of many pollers fails now and then,
	// its trouble is reported, and not its end at every turn.
	calm = 5 * time.Second
)

// repeats distinguishes news from repetitions: many pollers have the same trouble hundreds of times. The zero value is ready.
// It belongs to one goroutine.
type repeats struct{ subjects map[string]*subject }

// subject is a mapping or a function.
type subject struct {
	last     time.Time            // the last time that there was a text about it
	reported map[string]time.Time // when each text was reported
}

// news reports whether a text about a subject is to be reported now. It is not if it was in the time before, or if maxTexts
// others were.
func (r *repeats) news(now time.Time, about, text string, every time.Duration) bool {
	s := r.subjects[about]
	if s == nil {
		s = &subject{reported: map[string]time.Time{}}
		if r.subjects == nil {
			r.subjects = map[string]*subject{}
		}
		r.subjects[about] = s
	}
	s.last = now
	for text, at := range s.reported {
		if now.Sub(at) >= every {
			delete(s.reported, text)
		}
	}
	if _, known := s.reported[text]; known || len(s.reported) == maxTexts {
		return false
	}
	s.reported[text] = now
	return true
}

// over reports, once, that there was no text about a subject for a while. The next one is news.
func (r *repeats) over(now time.Time, about string) bool {
	s := r.subjects[about]
	if s == nil || now.Sub(s.last) < calm {
		return false
	}
	delete(r.subjects, about)
	return true
}

// kind returns an error's text without what differs each time: the request's ID, and the connection's own port.
func kind(err error) string {
	text := err.Error()
	if e, ok := errors.AsType[requestError](err); ok && e.ServiceRequestID() != "" {
		text = strings.ReplaceAll(text, e.ServiceRequestID(), "")
	}
	if e, ok := errors.AsType[*net.OpError](err); ok && e.Source != nil {
		text = strings.ReplaceAll(text, e.Source.String(), "")
	}
	return text
}

// requestError is an error of the AWS SDK about a request that was answered.
type requestError interface {
	error
	ServiceRequestID() string
}
