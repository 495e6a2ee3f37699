package observe

import (
	"errors"
	"math"
	"net"
	"strings"
	"sync"
	"time"
)

// How often what happens again and again is told.
const (
	everyMinute = time.Minute
	onlyOnce    = time.Duration(math.MaxInt64)

	// mostTexts is how many different texts about one subject are told in that time.
	mostTexts = 10

	// calm is how long nothing may have gone wrong before it is said to be over: where one of many pollers fails now
	// and then, its trouble is told and not its end at every turn.
	calm = 5 * time.Second
)

// repeats tells what is news from what is said again, by the hundred where many pollers meet the same trouble. The zero
// value is ready. Its methods may be called side by side.
type repeats struct {
	mu       sync.Mutex
	subjects map[string]*subject
}

// subject is a mapping or a function of which something was told.
type subject struct {
	last time.Time            // when something came up last
	told map[string]time.Time // what was told, and when
}

// news reports whether a text about a subject is to be told now: it was not within the time that every says, nor were
// mostTexts others.
func (r *repeats) news(about, text string, every time.Duration) bool {
	now := time.Now()
	r.mu.Lock()
	defer r.mu.Unlock()
	s := r.subjects[about]
	if s == nil {
		s = &subject{told: map[string]time.Time{}}
		if r.subjects == nil {
			r.subjects = map[string]*subject{}
		}
		r.subjects[about] = s
	}
	s.last = now
	for text, at := range s.told {
		if now.Sub(at) >= every {
			delete(s.told, text)
		}
	}
	if _, told := s.told[text]; told || len(s.told) == mostTexts {
		return false
	}
	s.told[text] = now
	return true
}

// over reports, once, that what was told of a subject has not come up again for a while. Then it is forgotten: the next
// time it is news.
func (r *repeats) over(about string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	s := r.subjects[about]
	if s == nil || time.Since(s.last) < calm {
		return false
	}
	delete(r.subjects, about)
	return true
}

// kind is an error's text without what differs each time that it occurs: the request's id, the connection's own port.
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
