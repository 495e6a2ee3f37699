package embedded

import (
	"math/rand/v2"
	"strconv"
	"sync"
	"time"
)

// AWS: "Amazon SQS message quotas". A standard queue refuses to hand out more, a FIFO queue falls silent.
const maxInFlight = 120_000

// A queue holds messages in memory. Its methods may be called side by side. None of them blocks but receive.
type queue struct {
	name, arn string
	fifo      bool
	mark      uint64 // in its receipts
	created   time.Time

	mu       sync.Mutex // guards the rest; never held across a wait or another queue's lock
	set      settings
	modified time.Time
	purged   time.Time
	deleted  bool
	tags     map[string]string

	messages map[uint64]*message // by number
	byDue    pile[*message]      // those delayed or in flight
	byAge    pile[*message]      // all
	line     line
	counts   [gone]int // by state
	number   uint64    // the last message's
	turn     uint64    // the last one given
	sent     sends
	attempts attempts
	waiters  waiters
}

func newQueue(name, arn string, fifo bool, set settings) *queue {
	now := time.Now()
	return &queue{
		name: name, arn: arn, fifo: fifo, mark: rand.Uint64(), created: now, modified: now,
		set: set, tags: make(map[string]string), messages: make(map[uint64]*message), line: newLine(fifo),
		byDue: pile[*message]{less: dueFirst, place: func(m *message) *int { return &m.dueIndex }},
		byAge: pile[*message]{less: oldestFirst, place: func(m *message) *int { return &m.sentIndex }},
	}
}

// dueFirst keeps the order of messages that are due at the same moment.
func dueFirst(a, b *message) bool {
	if a.due.Equal(b.due) {
		return a.turn < b.turn || a.turn == b.turn && a.number < b.number
	}
	return a.due.Before(b.due)
}

func oldestFirst(a, b *message) bool { return a.parcel.sent.Before(b.parcel.sent) }

// lock takes the queue and brings it up to the present, which it returns.
func (q *queue) lock() time.Time {
	q.mu.Lock()
	now := time.Now()
	q.advance(now)
	return now
}

// unlock lets the queue go after a change that may concern a long poll.
func (q *queue) unlock(now time.Time) {
	if q.line.first() != nil {
		q.waiters.wake()
	}
	q.arm(now)
	q.mu.Unlock()
}

// arm sets the alarm for what happens next by itself: a message becomes visible, or one that blocks its group expires.
func (q *queue) arm(now time.Time) {
	var next time.Time
	if m := q.byDue.first(); m != nil {
		next = m.due
	}
	if m := q.byAge.first(); m != nil && q.fifo {
		if end := m.parcel.sent.Add(q.set.retention); next.IsZero() || end.Before(next) {
			next = end
		}
	}
	q.waiters.arm(next, now, q.tick)
}

func (q *queue) tick() {
	now := q.lock()
	q.waiters.armed = time.Time{}
	q.unlock(now)
}

// advance does what became due by now: messages become visible, and those past their retention go.
func (q *queue) advance(now time.Time) {
	for m := q.byDue.first(); m != nil && !m.due.After(now); m = q.byDue.first() {
		q.show(m)
	}
	for m := q.byAge.first(); m != nil && now.Sub(m.parcel.sent) >= q.set.retention; m = q.byAge.first() {
		q.remove(m)
	}
	q.sent.forget(now)
	q.attempts.forget(now)
}

// put adds a message that was sent now, or moved here from a queue whose dead letters it takes.
func (q *queue) put(p parcel, delay time.Duration, now time.Time) {
	q.number++
	m := &message{parcel: p, number: q.number, state: gone, dueIndex: -1, sentIndex: -1}
	q.messages[m.number] = m
	q.byAge.put(m)
	if delay > 0 {
		q.become(m, delayed)
		m.due = now.Add(delay)
		q.byDue.put(m)
	} else {
		q.turn++
		m.turn = q.turn
		q.become(m, visible)
	}
	q.line.enter(m)
}

// become moves m to another state and keeps count. A message in the line is settled there by the caller.
func (q *queue) become(m *message, next state) {
	if m.state != gone {
		q.counts[m.state]--
	}
	if m.state = next; next != gone {
		q.counts[next]++
	}
}

// show makes m visible.
func (q *queue) show(m *message) {
	q.byDue.drop(m)
	q.become(m, visible)
	q.turn++
	m.turn = q.turn
	q.line.settle(m.group)
}

// hide puts m in flight for d.
func (q *queue) hide(m *message, d time.Duration, now time.Time) {
	q.become(m, inFlight)
	m.due = now.Add(d)
	q.byDue.put(m)
	q.line.settle(m.group)
}

// remove ends m's life in this queue.
func (q *queue) remove(m *message) {
	q.become(m, gone)
	q.byDue.drop(m)
	q.byAge.drop(m)
	q.line.leave(m)
	delete(q.messages, m.number)
}

// purge deletes all messages. AWS: "PurgeQueue", at most once in 60 seconds.
func (q *queue) purge() error {
	now := q.lock()
	defer q.unlock(now)
	if !q.purged.IsZero() && now.Sub(q.purged) < time.Minute {
		return refuseAs(403, "PurgeQueueInProgress", "AWS.SimpleQueueService.PurgeQueueInProgress",
			"Only one PurgeQueue operation on %s is allowed every 60 seconds.", q.name)
	}
	q.purged = now
	for _, m := range q.messages {
		q.remove(m)
	}
	return nil
}

// close ends the queue: long polls learn that it is gone.
func (q *queue) close() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.deleted = true
	q.waiters.wakeAll()
	q.waiters.arm(time.Time{}, time.Time{}, nil)
}

// change sets attributes that were checked. It tells whether it could: not when others were set in the meantime.
func (q *queue) change(set settings) bool {
	now := q.lock()
	defer q.unlock(now)
	if set.version != q.set.version+1 {
		return false
	}
	retimed := q.fifo && set.delay != q.set.delay
	q.set, q.modified = set, now
	for _, m := range q.messages {
		// AWS: "Amazon SQS delay queues": only on FIFO queues does a new delay concern the messages that are there.
		if retimed && m.state == delayed {
			m.due = m.parcel.sent.Add(set.delay)
			q.byDue.put(m)
		}
	}
	q.advance(now)
	return true
}

// settings returns what is set now.
func (q *queue) settings() settings {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.set
}

// attributes are all attributes of the queue as texts.
func (q *queue) attributes() map[string]string {
	now := q.lock()
	defer q.unlock(now)
	texts := map[string]string{
		"ApproximateNumberOfMessages":           strconv.Itoa(q.counts[visible]),
		"ApproximateNumberOfMessagesDelayed":    strconv.Itoa(q.counts[delayed]),
		"ApproximateNumberOfMessagesNotVisible": strconv.Itoa(q.counts[inFlight]),
		"CreatedTimestamp":                      strconv.FormatInt(q.created.Unix(), 10),
		"LastModifiedTimestamp":                 strconv.FormatInt(q.modified.Unix(), 10),
		"QueueArn":                              q.arn,
	}
	for name, text := range q.set.texts {
		texts[name] = text
	}
	return texts
}
