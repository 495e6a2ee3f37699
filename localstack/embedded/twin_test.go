package embedded

import (
	"cmp"
	"slices"
	"time"
)

// A twin is a queue that is as simple as can be: a slice, searched from end to end. The real one is compared with it.
type twin struct {
	fifo       bool
	visibility time.Duration
	retention  time.Duration
	max        int   // receives before a message goes to dead
	dead       *twin // or nil
	messages   []*twinMessage
	known      map[string]twinSend // FIFO: by deduplication ID
	turn       int
}

type twinMessage struct {
	body, group string
	sent        time.Time
	ready       bool
	turn        int       // since when it is ready
	due         time.Time // when it is ready again
	received    bool      // waits because it was received, not because it is delayed
	receives    int
	elsewhere   int
}

type twinSend struct {
	message *twinMessage
	at      time.Time
}

// A twinHandle is one receive of a message.
type twinHandle struct {
	queue   *twin
	message *twinMessage
	receive int
}

func (q *twin) advance(now time.Time) {
	var due []*twinMessage
	for _, m := range q.messages {
		if !m.ready && !m.due.After(now) {
			due = append(due, m)
		}
	}
	slices.SortStableFunc(due, func(a, b *twinMessage) int {
		return cmp.Or(a.due.Compare(b.due), cmp.Compare(a.turn, b.turn))
	})
	for _, m := range due {
		q.show(m)
	}
	q.messages = slices.DeleteFunc(q.messages, func(m *twinMessage) bool { return now.Sub(m.sent) >= q.retention })
}

func (q *twin) show(m *twinMessage) {
	q.turn++
	m.ready, m.received, m.turn = true, false, q.turn
}

// send returns the message, which is an earlier one when this is a duplicate.
func (q *twin) send(now time.Time, body, group, dedup string, delay time.Duration) *twinMessage {
	q.advance(now)
	if first, ok := q.known[dedup]; ok && q.fifo && now.Sub(first.at) < 5*time.Minute {
		return first.message
	}
	m := &twinMessage{body: body, group: group, sent: now, due: now.Add(delay)}
	q.messages = append(q.messages, m)
	if delay == 0 {
		q.show(m)
	}
	q.known[dedup] = twinSend{m, now}
	return m
}

// receive returns what a receive that may wait would get, and after which time.
func (q *twin) receive(now time.Time, limit, wait int, hidden time.Duration) ([]twinHandle, time.Duration) {
	for second := 0; ; second++ {
		got := q.take(now.Add(seconds(second)), limit, hidden)
		if len(got) > 0 || second == wait {
			return got, seconds(second)
		}
	}
}

func (q *twin) take(now time.Time, limit int, hidden time.Duration) (got []twinHandle) {
	q.advance(now)
	for _, m := range q.line() {
		switch {
		case len(got) == limit:
			return got
		case q.dead != nil && m.receives >= q.max:
			q.move(m, now)
		default:
			m.receives++
			m.ready, m.received, m.due = false, true, now.Add(hidden)
			got = append(got, twinHandle{q, m, m.receives})
		}
	}
	return got
}

// line is every message that may be handed out, in order: group by group, each up to its first message that is not ready.
func (q *twin) line() (line []*twinMessage) {
	var heads []*twinMessage
	seen := make(map[string]bool)
	for _, m := range q.messages {
		if first := !q.fifo || !seen[m.group]; first && m.ready {
			heads = append(heads, m)
		}
		seen[m.group] = true
	}
	slices.SortFunc(heads, func(a, b *twinMessage) int { return cmp.Compare(a.turn, b.turn) })
	for _, head := range heads {
		line = append(line, q.row(head)...)
	}
	return line
}

func (q *twin) row(head *twinMessage) (row []*twinMessage) {
	if !q.fifo {
		return []*twinMessage{head}
	}
	for _, m := range q.messages {
		switch {
		case m.group != head.group:
		case !m.ready:
			return row
		default:
			row = append(row, m)
		}
	}
	return row
}

func (q *twin) move(m *twinMessage, now time.Time) {
	q.remove(m)
	q.dead.advance(now)
	letter := &twinMessage{body: m.body, group: m.group, sent: m.sent, elsewhere: m.elsewhere + m.receives}
	if q.fifo {
		letter.sent = now
	}
	q.dead.messages = append(q.dead.messages, letter)
	q.dead.show(letter)
}

func (q *twin) remove(m *twinMessage) {
	q.messages = slices.DeleteFunc(q.messages, func(o *twinMessage) bool { return o == m })
}

// delete tells whether the service should accept the handle.
func (q *twin) delete(now time.Time, h twinHandle) bool {
	q.advance(now)
	switch {
	case !slices.Contains(q.messages, h.message):
		return true
	case h.message.receives == h.receive && (!q.fifo || h.message.received):
		q.remove(h.message)
		return true
	}
	return !q.fifo
}

// hide tells whether the service should accept the handle.
func (q *twin) hide(now time.Time, h twinHandle, d time.Duration) bool {
	q.advance(now)
	m := h.message
	if !slices.Contains(q.messages, m) || q.fifo && (m.receives != h.receive || !m.received) {
		return false
	}
	if m.received {
		m.due = now.Add(d)
		q.advance(now)
	}
	return true
}

// counts are the visible, delayed and invisible messages.
func (q *twin) counts(now time.Time) (n [3]int) {
	q.advance(now)
	for _, m := range q.messages {
		switch {
		case m.ready:
			n[0]++
		case m.received:
			n[2]++
		default:
			n[1]++
		}
	}
	return n
}
