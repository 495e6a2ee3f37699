package invoker

import (
	"container/list"
	"context"
)

// The lines of those who wait for a permit. Each pool of permits serves them alternately, so that callers who can wait for
// milliseconds only have their turns although others wait for as long as it takes.
const (
	patient = iota // Reserve: mappings and asynchronous events
	brief          // Invoke: synchronous callers
	kinds          // of lines
)

// line holds the waiters of all pools, in the order of their calls.
type line struct{ list.List }

// waiter is a call that waits for a permit. Its place is nil once it has one.
type waiter struct {
	quota   *quota
	line    int
	place   *list.Element
	granted chan struct{} // closed when it has a permit
}

// wait takes a permit as [Limits.Wait] does, in a line.
func (l *Limits) wait(ctx context.Context, function string, line int) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	w := l.join(function, line)
	if w == nil {
		return nil
	}
	select {
	case <-w.granted:
		return nil
	case <-ctx.Done():
		l.leave(w)
		return context.Cause(ctx)
	case <-l.stopped:
		l.leave(w)
		return errStopping
	}
}

// contended reports whether anyone waits for long for a permit that function could have.
func (l *Limits) contended(function string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.quota(function).from.waiting[patient] > 0
}

// join takes a permit and returns nil, or gets in line.
func (l *Limits) join(function string, line int) *waiter {
	l.mu.Lock()
	defer l.mu.Unlock()
	q := l.quota(function)
	if q.take() {
		return nil
	}
	w := &waiter{quota: q, line: line, granted: make(chan struct{})}
	w.place = l.lines[line].PushBack(w)
	q.wait(line, 1)
	return w
}

// leave gets out of the line. A permit that was granted in the same moment goes on to the next.
func (l *Limits) leave(w *waiter) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if w.place == nil {
		l.giveBack(w.quota)
		return
	}
	l.unlist(w)
}

func (l *Limits) unlist(w *waiter) {
	l.lines[w.line].Remove(w.place)
	w.place = nil
	w.quota.wait(w.line, -1)
}

// giveBack frees a permit of q's pool, which lets one waiter have one at most: a waiter of q if q uses less than its floor.
func (l *Limits) giveBack(q *quota) {
	q.use(-1)
	if q.from.claimed < q.from.limit || q.used < q.floor && q.waiting != [kinds]int{} {
		l.grant(q.from)
	}
}

func (l *Limits) grantAll(from *permits) {
	for l.grant(from) {
	}
}

// grant gives a permit of a pool to the waiter whose turn it is. It reports false if there is none for which a permit is
// free.
func (l *Limits) grant(from *permits) bool {
	for i := range kinds {
		line := (from.turn + i) % kinds
		if from.waiting[line] == 0 {
			continue
		}
		if w := l.lines[line].first(from); w != nil {
			from.turn = (line + 1) % kinds
			l.unlist(w)
			w.quota.use(1)
			close(w.granted)
			return true
		}
	}
	return false
}

// first returns the first waiter of a pool for which a permit is free.
func (l *line) first(from *permits) *waiter {
	for place := l.Front(); place != nil; place = place.Next() {
		if w := place.Value.(*waiter); w.quota.from == from && w.quota.free() {
			return w
		}
	}
	return nil
}

func (q *quota) wait(line, n int) {
	q.waiting[line] += n
	q.from.waiting[line] += n
}
