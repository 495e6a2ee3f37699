package logging

import (
	"fmt"
	"sync"
	"time"

	"github.com/esm-run/esm/trace"
)

const (
	// maxQueued is the number of entries that may wait to be formatted. They are formatted as fast as possible, whether or not
	// anyone reads the lines, so that more of them means that the machine is overloaded.
	maxQueued = 1 << 14

	// formatEvery is the shortest time between two rounds of formatting: what happens meanwhile is written in one piece.
	formatEvery = 5 * time.Millisecond
)

// queue passes what is to be logged to a goroutine that formats it, so that deliveries do not wait for that. It keeps the
// order, never blocks, and drops entries, with a count, when too many wait. It holds the records of events a little longer
// than the engine does: some milliseconds.
type queue struct {
	format func([]entry) // formats entries and passes the lines on; called by one goroutine at a time

	formatting sync.Mutex // held while entries are formatted, so that rounds keep the order

	mu      sync.Mutex // guards what follows
	waiting []entry
	spare   []entry // the storage of the round before
	lost    int

	wake    chan struct{} // holds a token when entries wait
	closing chan struct{} // closed by close
	done    chan struct{} // closed when run has returned
}

// entry is an event, or a message if event is nil.
type entry struct {
	at      time.Time
	event   trace.Event
	message *message
}

func newQueue(format func([]entry)) *queue {
	q := &queue{format: format, wake: make(chan struct{}, 1), closing: make(chan struct{}), done: make(chan struct{})}
	go q.run()
	return q
}

// add queues an entry. It does not block.
func (q *queue) add(e entry) {
	q.mu.Lock()
	first := len(q.waiting) == 0
	if len(q.waiting) < maxQueued {
		q.waiting = append(q.waiting, e)
	} else {
		q.lost++
	}
	q.mu.Unlock()
	if first {
		select {
		case q.wake <- struct{}{}:
		default:
		}
	}
}

// run formats entries until the queue is closed.
func (q *queue) run() {
	defer close(q.done)
	for {
		select {
		case <-q.wake:
			q.flush()
		case <-q.closing:
			q.flush()
			return
		}
		select {
		case <-time.After(formatEvery):
		case <-q.closing:
		}
	}
}

// flush formats everything that was added before.
func (q *queue) flush() {
	q.formatting.Lock()
	defer q.formatting.Unlock()
	q.mu.Lock()
	entries, lost := q.waiting, q.lost
	q.waiting, q.spare, q.lost = q.spare, nil, 0
	q.mu.Unlock()
	if len(entries) == 0 && lost == 0 {
		return
	}
	if lost > 0 {
		entries = append(entries, entry{at: time.Now(), message: &message{text: fmt.Sprintf("%d log entries were lost here: too many at once", lost)}})
	}
	q.format(entries)
	clear(entries) // frees the records in it
	q.mu.Lock()
	q.spare = entries[:0]
	q.mu.Unlock()
}

// close formats what is left and ends the goroutine. Nothing may be added after it.
func (q *queue) close() {
	close(q.closing)
	<-q.done
}
