package sqs

import (
	"container/list"
	"context"
	"time"
)

// maxInFlight is the limit of AWS: "Amazon SQS message quotas". At the limit a standard queue refuses to hand out more and
// a FIFO queue hands out nothing.
const maxInFlight = 120_000

// A receive is what a consumer asks for.
type receive struct {
	max     int
	wait    *int   // seconds; nil is the queue's ReceiveMessageWaitTimeSeconds
	hidden  *int   // seconds; nil is the queue's VisibilityTimeout
	attempt string // ReceiveRequestAttemptId
}

// A delivery is one message as it was when it was handed out.
type delivery struct {
	content *content
	receipt receipt
	count   int // receives, in all queues
	first   time.Time
}

// receive hands out messages, and waits for the first one as long as r allows. It returns early, with neither messages nor
// an error, when ctx ends: nothing is handed out to a consumer that is gone. Find returns the queue with an ARN, or nil.
func (q *queue) receive(ctx context.Context, r receive, find func(string) *queue) ([]delivery, error) {
	set := q.settings()
	patience := set.wait
	if r.wait != nil {
		patience = seconds(*r.wait)
	}
	end := time.Now().Add(patience)
	var alarm <-chan time.Time
	for {
		got, turn, err := q.tryReceive(ctx, r, end, find(set.redrive.target))
		if turn == nil {
			return got, err
		}
		if alarm == nil {
			timer := time.NewTimer(time.Until(end))
			defer timer.Stop()
			alarm = timer.C
		}
		wait(ctx, turn, alarm)
		q.leave(turn)
		set = q.settings()
	}
}

// tryReceive takes what is visible. If that is nothing and there is time left, it joins the waiters and returns its turn.
// Dead is the dead-letter queue, or nil.
func (q *queue) tryReceive(ctx context.Context, r receive, end time.Time, dead *queue) ([]delivery, *list.Element, error) {
	now := q.lock()
	if q.deleted {
		q.mu.Unlock()
		return nil, nil, noSuchQueue()
	}
	if ctx.Err() != nil {
		q.unlock(now) // wakes the next waiter if a message woke this one
		return nil, nil, nil
	}
	got, letters, err := q.take(r, now, dead)
	if len(letters) > 0 {
		defer func() { dead.adopt(letters) }() // after q is unlocked
	}
	if len(got) > 0 || err != nil || !now.Before(end) {
		q.unlock(now)
		return got, nil, err
	}
	turn := q.waiters.join()
	q.arm(now) // wakes nobody: nothing is visible
	q.mu.Unlock()
	return nil, turn, nil
}

// leave removes a waiter that may still be waiting.
func (q *queue) leave(turn *list.Element) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.waiters.list.Remove(turn)
}

// take hands out what is visible, and removes what was received too often: AWS moves a message to the dead-letter queue on
// the receive that would exceed maxReceiveCount.
func (q *queue) take(r receive, now time.Time, dead *queue) (got []delivery, letters []content, err error) {
	if got := q.repeat(r.attempt, now); got != nil {
		return got, nil, nil
	}
	room := maxInFlight - q.counts[inFlight]
	if room <= 0 && !q.fifo {
		return nil, nil, errorWithCode(403, "OverLimit", "OverLimit", "Too many messages are in flight: a queue has at most %d.", maxInFlight)
	}
	hidden, limit := q.set.visibility, min(r.max, room)
	if r.hidden != nil {
		hidden = seconds(*r.hidden)
	}
	for m := q.groups.first(); m != nil && len(got) < limit; {
		next := following(m)
		if dead != nil && dead != q && m.receives >= q.set.redrive.max {
			letters = append(letters, q.bury(m))
		} else {
			if got == nil {
				got = make([]delivery, 0, min(limit, q.counts[visible]))
			}
			got = append(got, q.handOut(m, hidden, now))
		}
		if m = next; m == nil {
			m = q.groups.first()
		}
	}
	q.remember(r.attempt, got, now)
	return got, letters, nil
}

func (q *queue) handOut(m *message, hidden time.Duration, now time.Time) delivery {
	m.receives++
	if m.receives == 1 {
		m.first = now
	}
	m.received, m.hidden, m.touched = now, hidden, false
	q.hide(m, hidden, now)
	return delivery{
		content: &m.content,
		receipt: receipt{q.mark, m.number, uint64(m.receives)},
		count:   m.elsewhere + m.receives,
		first:   m.first,
	}
}

// bury removes m and returns it as a dead letter.
func (q *queue) bury(m *message) content {
	q.remove(m)
	c := m.content
	c.origin = q.arn
	c.elsewhere += m.receives
	return c
}
