package main

import (
	"fmt"
	"io"
	"sync"
	"time"
)

// backlogSize is how many bytes may wait to be written.
const backlogSize = 8 << 20

// backlog is a writer that nobody waits for: a goroutine of its own passes on what is written, in order. A terminal that
// was stopped, or a pager that nobody pages, must not hold up deliveries. What is more than backlogSize is lost, and how
// many writes were is told as soon as somebody reads again.
type backlog struct {
	w io.Writer

	mu      sync.Mutex
	waiting []byte
	lost    int
	closed  bool
	wake    chan struct{} // holds one token when there is something to look at
	done    chan struct{} // closed when all is written and no more will come
}

func newBacklog(w io.Writer) *backlog {
	b := &backlog{w: w, wake: make(chan struct{}, 1), done: make(chan struct{})}
	go b.pass()
	return b
}

// Write never blocks and never fails. One call is passed on whole or not at all.
func (b *backlog) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.waiting)+len(p) > backlogSize {
		b.lost++
		return len(p), nil
	}
	if b.lost > 0 {
		b.waiting = fmt.Appendf(b.waiting, "(%d lines were lost here: nobody read them)\n", b.lost)
		b.lost = 0
	}
	b.waiting = append(b.waiting, p...)
	b.notify()
	return len(p), nil
}

// close waits until everything is written, but no longer than d: a writer that is stuck stays so.
func (b *backlog) close(d time.Duration) {
	b.mu.Lock()
	b.closed = true
	b.mu.Unlock()
	b.notify()
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-b.done:
	case <-timer.C:
	}
}

func (b *backlog) notify() {
	select {
	case b.wake <- struct{}{}:
	default:
	}
}

// pass writes until the backlog is closed and empty.
func (b *backlog) pass() {
	defer close(b.done)
	for range b.wake {
		text, last := b.take()
		_, _ = b.w.Write(text) // where it is gone, what is written is lost
		if last {
			return
		}
	}
}

func (b *backlog) take() (text []byte, last bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	text, b.waiting = b.waiting, nil
	return text, b.closed
}
