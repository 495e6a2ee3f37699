package embedded

import (
	"container/list"
	"context"
	"time"
)

// waiters are the long polls of a queue, in the order in which they came. The zero value is ready. They belong to the
// queue's lock.
type waiters struct {
	list  list.List // of chan struct{}; a closed one was woken and is not in the list any more
	timer *time.Timer
	armed time.Time // when timer ends; zero when it does not run
}

// join adds a long poll; the channel is closed when it is its turn to look.
func (w *waiters) join() *list.Element { return w.list.PushBack(make(chan struct{})) }

// wake lets the longest waiting poll look.
func (w *waiters) wake() {
	if e := w.list.Front(); e != nil {
		close(w.list.Remove(e).(chan struct{}))
	}
}

// wakeAll ends every wait.
func (w *waiters) wakeAll() {
	for w.list.Len() > 0 {
		w.wake()
	}
}

// arm has tick called at due, unless nobody waits or nothing is due. One timer serves the queue.
func (w *waiters) arm(due, now time.Time, tick func()) {
	if w.list.Len() == 0 {
		due = time.Time{}
	}
	if due.Equal(w.armed) {
		return
	}
	w.armed = due
	switch {
	case due.IsZero():
		w.timer.Stop()
	case w.timer == nil:
		w.timer = time.AfterFunc(due.Sub(now), tick)
	default:
		w.timer.Reset(due.Sub(now))
	}
}

// wait blocks until the poll e is woken, end comes or ctx ends.
func wait(ctx context.Context, e *list.Element, end <-chan time.Time) {
	select {
	case <-e.Value.(chan struct{}):
	case <-end:
	case <-ctx.Done():
	}
}
