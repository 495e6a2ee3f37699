package sqs

import (
	"cmp"
	"slices"
	"time"
)

// A modelQueue is the simplest possible queue: a slice that is searched from end to end.
type modelQueue struct {
	fifo, contentBased, perGroup bool

	visibility time.Duration
	retention  time.Duration
	delay      time.Duration
	max        int         // receives before a message moves to dead
	dead       *modelQueue // or nil
	messages   []*modelMessage
	sends      map[string]modelSend // FIFO: by deduplication ID
	turn       int
}

type modelMessage struct {
	id                 string
	body, group, dedup string
	sent               time.Time
	visible            bool
	turn               int       // when it became visible, in order
	due                time.Time // when it becomes visible
	received           bool      // invisible because it was received, not because it is delayed
	receives           int
	elsewhere          int // receives in other queues
}

type modelSend struct {
	message *modelMessage
	at      time.Time
}

// A modelReceipt is one receive of a message.
type modelReceipt struct {
	queue   *modelQueue
	message *modelMessage
	receive int
}

func (q *modelQueue) advance(now time.Time) {
	var due []*modelMessage
	for _, m := range q.messages {
		if !m.visible && !m.due.After(now) {
			due = append(due, m)
		}
	}
	slices.SortStableFunc(due, func(a, b *modelMessage) int {
		return cmp.Or(a.due.Compare(b.due), cmp.Compare(a.turn, b.turn))
	})
	for _, m := range due {
		q.show(m)
	}
	q.messages = slices.DeleteFunc(q.messages, func(m *modelMessage) bool { return now.Sub(m.sent) >= q.retention })
}

func (q *modelQueue) show(m *modelMessage) {
	q.turn++
	m.visible, m.received, m.turn = true, false, q.turn
}

// send adds m, or returns the earlier message if m is a duplicate.
func (q *modelQueue) send(now time.Time, m *modelMessage, delay time.Duration) *modelMessage {
	q.advance(now)
	key := m.dedup
	if q.perGroup {
		key += " " + m.group
	}
	if first, ok := q.sends[key]; ok && q.fifo && now.Sub(first.at) < 5*time.Minute {
		return first.message
	}
	delay = cmp.Or(delay, q.delay)
	m.sent, m.due = now, now.Add(delay)
	q.messages = append(q.messages, m)
	if delay == 0 {
		q.show(m)
	}
	q.sends[key] = modelSend{m, now}
	return m
}

// setDelay affects the messages of a FIFO queue that are delayed, but not those of a standard queue.
func (q *modelQueue) setDelay(now time.Time, delay time.Duration) {
	q.advance(now)
	q.delay = delay
	for _, m := range q.messages {
		if q.fifo && !m.visible && !m.received {
			m.due = m.sent.Add(delay)
		}
	}
}

// receive returns what a receive that may wait returns, and how long that takes.
func (q *modelQueue) receive(now time.Time, limit, wait int, hidden time.Duration) ([]modelReceipt, time.Duration) {
	for second := 0; ; second++ {
		got := q.take(now.Add(seconds(second)), limit, hidden)
		if len(got) > 0 || second == wait {
			return got, seconds(second)
		}
	}
}

func (q *modelQueue) take(now time.Time, limit int, hidden time.Duration) (got []modelReceipt) {
	q.advance(now)
	for _, m := range q.receivable() {
		switch {
		case len(got) == limit:
			return got
		case q.dead != nil && m.receives >= q.max:
			q.bury(m, now)
		default:
			m.receives++
			m.visible, m.received, m.due = false, true, now.Add(hidden)
			got = append(got, modelReceipt{q, m, m.receives})
		}
	}
	return got
}

// receivable returns every message that may be handed out, in order: group by group, each up to its first message that is
// not visible.
func (q *modelQueue) receivable() (all []*modelMessage) {
	var heads []*modelMessage
	seen := make(map[string]bool)
	for _, m := range q.messages {
		if first := !q.fifo || !seen[m.group]; first && m.visible {
			heads = append(heads, m)
		}
		seen[m.group] = true
	}
	slices.SortFunc(heads, func(a, b *modelMessage) int { return cmp.Compare(a.turn, b.turn) })
	for _, head := range heads {
		all = append(all, q.groupFrom(head)...)
	}
	return all
}

func (q *modelQueue) groupFrom(head *modelMessage) (group []*modelMessage) {
	if !q.fifo {
		return []*modelMessage{head}
	}
	for _, m := range q.messages {
		switch {
		case m.group != head.group:
		case !m.visible:
			return group
		default:
			group = append(group, m)
		}
	}
	return group
}

// bury moves m to the dead-letter queue.
func (q *modelQueue) bury(m *modelMessage, now time.Time) {
	q.remove(m)
	q.dead.advance(now)
	letter := &modelMessage{id: m.id, body: m.body, group: m.group, dedup: m.dedup, sent: m.sent, elsewhere: m.elsewhere + m.receives}
	if q.fifo {
		letter.sent = now
	}
	q.dead.messages = append(q.dead.messages, letter)
	q.dead.show(letter)
}

func (q *modelQueue) remove(m *modelMessage) {
	q.messages = slices.DeleteFunc(q.messages, func(o *modelMessage) bool { return o == m })
}

// delete reports whether SQS should accept the handle.
func (q *modelQueue) delete(now time.Time, r modelReceipt) bool {
	q.advance(now)
	switch {
	case !slices.Contains(q.messages, r.message):
		return true
	case r.message.receives == r.receive && (!q.fifo || r.message.received):
		q.remove(r.message)
		return true
	}
	return !q.fifo
}

// hide reports whether SQS should accept the handle.
func (q *modelQueue) hide(now time.Time, r modelReceipt, d time.Duration) bool {
	q.advance(now)
	m := r.message
	if !slices.Contains(q.messages, m) || q.fifo && (m.receives != r.receive || !m.received) {
		return false
	}
	if m.received {
		m.due = now.Add(d)
		q.advance(now)
	}
	return true
}

// counts returns the numbers of visible, delayed and received messages.
func (q *modelQueue) counts(now time.Time) (n [gone]int) {
	q.advance(now)
	for _, m := range q.messages {
		switch {
		case m.visible:
			n[visible]++
		case m.received:
			n[inFlight]++
		default:
			n[delayed]++
		}
	}
	return n
}
