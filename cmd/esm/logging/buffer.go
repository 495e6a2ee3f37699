package logging

import (
	"bytes"
	"fmt"
	"io"
	"sync"
	"time"
)

// bufferSize is the number of bytes that may wait to be written.
const bufferSize = 8 << 20

// Buffer is a writer that never blocks: a goroutine writes what it holds, in order. A stopped terminal, or a pager that waits
// for its user, must not delay deliveries. What exceeds 8 MiB is dropped; the number of lines that were is written as soon as
// the reader continues.
type Buffer struct {
	w io.Writer

	mu      sync.Mutex
	waiting []byte
	lost    int
	closed  bool
	wake    chan struct{} // holds a token when there is text to write, or the buffer is closed
	done    chan struct{} // closed when everything is written after Close
}

// NewBuffer returns a Buffer in front of w. The caller must call Close.
func NewBuffer(w io.Writer) *Buffer {
	b := &Buffer{w: w, wake: make(chan struct{}, 1), done: make(chan struct{})}
	go b.drain()
	return b
}

// Write takes whole lines. It never blocks and never fails: p is written whole or not at all.
func (b *Buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.waiting)+len(p) > bufferSize {
		b.lost += bytes.Count(p, []byte{'\n'})
		return len(p), nil
	}
	if b.lost > 0 {
		b.waiting = fmt.Appendf(b.waiting, "(%d lines were lost here: nothing read them)\n", b.lost)
		b.lost = 0
	}
	b.waiting = append(b.waiting, p...)
	b.notify()
	return len(p), nil
}

// Close waits until everything is written, at most for d.
func (b *Buffer) Close(d time.Duration) {
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

func (b *Buffer) notify() {
	select {
	case b.wake <- struct{}{}:
	default:
	}
}

// drain writes until the buffer is closed and empty.
func (b *Buffer) drain() {
	defer close(b.done)
	for range b.wake {
		text, last := b.take()
		_, _ = b.w.Write(text) // a writer that fails loses what is written
		if last {
			return
		}
	}
}

func (b *Buffer) take() (text []byte, last bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	text, b.waiting = b.waiting, nil
	return text, b.closed
}
