package api

import (
	"context"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/esm-run/esm/trace"
)

// Tails collects the ends of the logs of invocations whose callers ask for them (LogType Tail). The zero value is ready to
// use.
type Tails struct {
	watched atomic.Int64 // len(tails), so that Trace needs no lock while there are none
	mu      sync.RWMutex
	tails   map[string]*tail // by the ID of the invocation
}

// tailSize is the most bytes of a log that a caller receives (AWS: API reference of Invoke).
const tailSize = 4096

// The times that an answer waits for the rest of its log. The report line is written when the runtime asks for its next
// event, usually a moment after its response; a runtime that is still busy is not waited for.
const (
	reportWithin = time.Second
	reasonWithin = 5 * time.Millisecond // for the lines about a failure, which follow the report
	linesWithin  = 5 * time.Millisecond // for the handler's last lines, if its log has no report (SystemLogLevel WARN)
)

// Trace receives the lines of logs. It is a [trace.Func].
func (t *Tails) Trace(e trace.Event) {
	line, ok := e.(trace.Output)
	if !ok || line.ID == "" || t.watched.Load() == 0 {
		return
	}
	t.mu.RLock()
	log := t.tails[line.ID]
	t.mu.RUnlock()
	if log != nil {
		log.add(line)
	}
}

// watch begins to collect the end of an invocation's log. It returns nil if the log of this ID is being collected already.
func (t *Tails) watch(id string) *tail {
	log := &tail{id: id, done: make(chan struct{})}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.tails[id] != nil {
		return nil
	}
	if t.tails == nil {
		t.tails = map[string]*tail{}
	}
	t.tails[id] = log
	t.watched.Add(1)
	return log
}

// forget ends the collection of a log, which may be nil.
func (t *Tails) forget(log *tail) {
	if log == nil {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.tails, log.id)
	t.watched.Add(-1)
}

// tail is the end of one invocation's log.
type tail struct {
	id   string
	done chan struct{} // closed by the report line

	mu       sync.Mutex
	text     []byte // the last tailSize bytes at least, and twice as many at most
	started  bool
	reported bool
}

func (l *tail) add(line trace.Output) {
	l.mu.Lock()
	defer l.mu.Unlock()
	text := line.Line
	l.text = append(append(l.text, text[max(0, len(text)-tailSize):]...), '\n')
	if len(l.text) > 2*tailSize {
		l.text = append(l.text[:0], l.text[len(l.text)-tailSize:]...)
	}
	switch {
	case !line.Platform:
	case strings.HasPrefix(text, "START ") || strings.Contains(text, `"type":"platform.start"`):
		l.started = true
	case !l.reported && (strings.HasPrefix(text, "REPORT ") || strings.Contains(text, `"type":"platform.report"`)):
		l.reported = true
		close(l.done)
	}
}

// end returns the end of the log of an invocation that has its response, after a short wait for the report line. It returns
// nil if there is no log, as for remote functions.
func (l *tail) end(ctx context.Context, fault string) []byte {
	if l == nil {
		return nil
	}
	l.mu.Lock()
	started, written := l.started, len(l.text) > 0
	l.mu.Unlock()
	if !started && written {
		wait(ctx, nil, linesWithin)
	}
	if started && wait(ctx, l.done, reportWithin) && fault != "" && fault != "Unhandled" {
		wait(ctx, nil, reasonWithin)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text[max(0, len(l.text)-tailSize):]
}

// wait waits for done, for at most d, and reports whether done was closed.
func wait(ctx context.Context, done <-chan struct{}, d time.Duration) bool {
	select {
	case <-done:
		return true
	case <-time.After(d):
	case <-ctx.Done():
	}
	return false
}
