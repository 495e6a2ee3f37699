package api

import (
	"context"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/esm-run/esm/trace"
)

// Tails gathers the ends of the logs of invocations whose callers want them (LogType Tail). Its zero value is ready.
type Tails struct {
	watched atomic.Int64 // how many there are, for the many lines that nobody wants
	mu      sync.RWMutex
	of      map[string]*tail
}

// tailSize is how many bytes of a log the caller gets (AWS: API reference of Invoke).
const tailSize = 4096

// How long the answer waits for the rest of its log. The report of an invocation is written when the runtime is free
// again, which is a moment after its answer; a runtime that goes on with something of its own is not waited for.
const (
	reportWithin = time.Second
	wordsWithin  = 5 * time.Millisecond // after the report of a failure: what it was about
)

// Trace is told of the lines of logs. It is an [trace.Func].
func (t *Tails) Trace(e trace.Event) {
	line, ok := e.(trace.Output)
	if !ok || line.ID == "" || t.watched.Load() == 0 {
		return
	}
	t.mu.RLock()
	log := t.of[line.ID]
	t.mu.RUnlock()
	if log != nil {
		log.add(line)
	}
}

// watch begins to keep the end of an invocation's log. It is nil when that of this id is kept already.
func (t *Tails) watch(id string) *tail {
	log := &tail{id: id, done: make(chan struct{})}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.of[id] != nil {
		return nil
	}
	if t.of == nil {
		t.of = map[string]*tail{}
	}
	t.of[id] = log
	t.watched.Add(1)
	return log
}

// forget ends what watch began.
func (t *Tails) forget(log *tail) {
	if log == nil {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.of, log.id)
	t.watched.Add(-1)
}

// tail is the end of one invocation's log.
type tail struct {
	id   string
	done chan struct{} // closed with the report

	mu       sync.Mutex
	text     []byte // at least the last tailSize bytes, at most twice as many
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

// end is the end of the log of an invocation that has its response, after a short wait for its report. It is nil when
// there is no log: nothing is known of what functions elsewhere write.
func (l *tail) end(ctx context.Context, fault string) []byte {
	if l == nil {
		return nil
	}
	l.mu.Lock()
	started := l.started
	l.mu.Unlock()
	if started && wait(ctx, l.done, reportWithin) && fault != "" && fault != "Unhandled" {
		wait(ctx, nil, wordsWithin)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text[max(0, len(l.text)-tailSize):]
}

// wait waits for done, for at most d. It reports whether it was done.
func wait(ctx context.Context, done <-chan struct{}, d time.Duration) bool {
	select {
	case <-done:
		return true
	case <-time.After(d):
	case <-ctx.Done():
	}
	return false
}
