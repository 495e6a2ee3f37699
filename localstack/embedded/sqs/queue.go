package sqs

import (
	"maps"
	"math/rand/v2"
	"strconv"
	"sync"
	"time"
)

// A queue holds messages in memory. Its methods may be called concurrently. Only receive blocks.
type queue struct {
	name, arn string
	fifo      bool
	mark      uint64 // in the receipt handles, to tell queues apart
	created   time.Time

	mu       sync.Mutex // guards the rest; never held across a wait or another queue's lock
	set      settings
	modified time.Time
	purged   time.Time
	deleted  bool
	tags     map[string]string

	messages map[uint64]*message // by number
	byDue    indexedHeap[*message]
	byAge    indexedHeap[*message]
	groups   groups
	counts   [gone]int // by state
	number   uint64    // of the last message
	turn     uint64    // the last one given

	sends        map[string]sent // FIFO queues: by deduplication ID
	sendOrder    expiry
	sequence     uint64
	attempts     map[string]attempt // FIFO queues: by ReceiveRequestAttemptId
	attemptOrder expiry
	waiters      waiters
}

func newQueue(name, arn string, fifo bool, set settings) *queue {
	now := time.Now()
	q := &queue{
		name: name, arn: arn, fifo: fifo, mark: rand.Uint64(), created: now, modified: now,
		set: set, tags: make(map[string]string), messages: make(map[uint64]*message), groups: newGroups(fifo),
		byDue: indexedHeap[*message]{less: dueFirst, index: func(m *message) *int { return &m.dueIndex }},
		byAge: indexedHeap[*message]{
			less:  func(a, b *message) bool { return a.sent.Before(b.sent) },
			index: func(m *message) *int { return &m.sentIndex },
		},
		sends: make(map[string]sent), attempts: make(map[string]attempt),
	}
	q.waiters.tick = q.tick
	return q
}

// dueFirst keeps the order of messages that become visible at the same moment.
func dueFirst(a, b *message) bool {
	if a.due.Equal(b.due) {
		return a.turn < b.turn || a.turn == b.turn && a.number < b.number
	}
	return a.due.Before(b.due)
}

// lock locks the queue, advances it to the present and returns that time.
func (q *queue) lock() time.Time {
	q.mu.Lock()
	now := time.Now()
	q.advance(now)
	return now
}

// unlock unlocks the queue after a change that a long poll may be waiting for.
func (q *queue) unlock(now time.Time) {
	if q.groups.first() != nil {
		q.waiters.wake()
	}
	q.arm(now)
	q.mu.Unlock()
}

// arm sets the timer to the next change that no call causes: a message becomes visible, or one that blocks its group
// expires.
func (q *queue) arm(now time.Time) {
	var next time.Time
	if m := q.byDue.first(); m != nil {
		next = m.due
	}
	if m := q.byAge.first(); m != nil && q.fifo {
		if end := m.sent.Add(q.set.retention); next.IsZero() || end.Before(next) {
			next = end
		}
	}
	q.waiters.arm(next, now)
}

func (q *queue) tick() {
	now := q.lock()
	q.waiters.armed = time.Time{}
	q.unlock(now)
}

// advance makes messages visible that are due, and removes what has expired.
func (q *queue) advance(now time.Time) {
	for m := q.byDue.first(); m != nil && !m.due.After(now); m = q.byDue.first() {
		q.show(m)
	}
	for m := q.byAge.first(); m != nil && now.Sub(m.sent) >= q.set.retention; m = q.byAge.first() {
		q.remove(m)
	}
	q.forgetSends(now)
	q.forgetAttempts(now)
}

// put adds a message.
func (q *queue) put(c content, delay time.Duration, now time.Time) {
	q.number++
	m := &message{content: c, number: q.number, state: gone, dueIndex: -1, sentIndex: -1}
	q.messages[m.number] = m
	q.byAge.put(m)
	if delay > 0 {
		q.setState(m, delayed)
		m.due = now.Add(delay)
		q.byDue.put(m)
	} else {
		q.turn++
		m.turn = q.turn
		q.setState(m, visible)
	}
	q.groups.add(m)
}

// setState changes m's state and the counts. The caller updates m's group.
func (q *queue) setState(m *message, next state) {
	if m.state != gone {
		q.counts[m.state]--
	}
	if m.state = next; next != gone {
		q.counts[next]++
	}
}

// show makes m visible.
func (q *queue) show(m *message) {
	q.byDue.remove(m)
	q.setState(m, visible)
	q.turn++
	m.turn = q.turn
	q.groups.update(m.group)
}

// hide puts m in flight for d.
func (q *queue) hide(m *message, d time.Duration, now time.Time) {
	q.setState(m, inFlight)
	m.due = now.Add(d)
	q.byDue.put(m)
	q.groups.update(m.group)
}

// remove takes m out of the queue.
func (q *queue) remove(m *message) {
	q.setState(m, gone)
	q.byDue.remove(m)
	q.byAge.remove(m)
	q.groups.remove(m)
	delete(q.messages, m.number)
}

// purge deletes all messages. AWS: "PurgeQueue", at most once in 60 seconds.
func (q *queue) purge(queueInput) error {
	now := q.lock()
	defer q.unlock(now)
	if !q.purged.IsZero() && now.Sub(q.purged) < time.Minute {
		return errorWithCode(403, "PurgeQueueInProgress", "AWS.SimpleQueueService.PurgeQueueInProgress",
			"Only one PurgeQueue operation on %s is allowed every 60 seconds.", q.name)
	}
	q.purged = now
	for _, m := range q.messages {
		q.remove(m)
	}
	return nil
}

// close ends the queue's long polls: the queue was deleted.
func (q *queue) close() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.deleted = true
	q.waiters.wakeAll()
	q.waiters.arm(time.Time{}, time.Time{})
}

// change replaces the settings with the next version of them. It reports false if they were changed in the meantime.
func (q *queue) change(set settings) bool {
	now := q.lock()
	defer q.unlock(now)
	if set.version != q.set.version+1 {
		return false
	}
	retimed := q.fifo && set.delay != q.set.delay
	q.set, q.modified = set, now
	for _, m := range q.messages {
		// AWS: "Amazon SQS delay queues": only on FIFO queues does a new delay affect the messages that are there.
		if retimed && m.state == delayed {
			m.due = m.sent.Add(set.delay)
			q.byDue.put(m)
		}
	}
	q.advance(now)
	return true
}

func (q *queue) settings() settings {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.set
}

// attributes returns the texts of all attributes.
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
	maps.Copy(texts, q.set.texts)
	return texts
}
