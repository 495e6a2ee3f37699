package sqs

import (
	"container/list"
	"context"
	"time"
)

// waiters are the long polls of a queue, in the order in which they began. The queue's lock guards them.
type waiters struct {
	list  list.List // of chan struct{}; waking a poll closes its channel and removes it
	tick  func()    // what timer calls
	timer *time.Timer
	armed time.Time // when timer fires; zero if it does not run
}

// join adds a long poll, whose channel is closed when it may try again.
func (w *waiters) join() *list.Element { return w.list.PushBack(make(chan struct{})) }

// wake wakes the poll that has waited longest.
func (w *waiters) wake() {
	if e := w.list.Front(); e != nil {
		close(w.list.Remove(e).(chan struct{}))
	}
}

func (w *waiters) wakeAll() {
	for w.list.Len() > 0 {
		w.wake()
	}
}

// arm sets the queue's only timer to due, or stops it if nobody waits or due is zero.
func (w *waiters) arm(due, now time.Time) {
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
		w.timer = time.AfterFunc(due.Sub(now), w.tick)
	default:
		w.timer.Reset(due.Sub(now))
	}
}

// wait blocks until the poll e is woken, alarm fires or ctx ends.
func wait(ctx context.Context, e *list.Element, alarm <-chan time.Time) {
	select {
	case <-e.Value.(chan struct{}):
	case <-alarm:
	case <-ctx.Done():
	}
}
