package embedded

import (
	"container/list"
	"context"
	"time"
)

// A receive is what a consumer asks for.
type receive struct {
	max     int
	wait    *int   // seconds; nil is the queue's
	hidden  *int   // seconds; nil is the queue's VisibilityTimeout
	attempt string // ReceiveRequestAttemptId
}

// A delivery is one message on its way to a consumer. It stays as it was when it was handed out.
type delivery struct {
	parcel  *parcel
	receipt receipt
	count   int // receives, in all queues
	first   time.Time
}

// receive hands out messages, and waits for the first one as long as it may. It ends early with no message and no error
// when ctx ends: nothing is handed out to a consumer that is gone. Find finds a queue by its ARN, or nil.
func (q *queue) receive(ctx context.Context, r receive, find func(string) *queue) ([]delivery, error) {
	patience := q.patience(r)
	end := time.Now().Add(patience)
	alarm := time.NewTimer(patience)
	defer alarm.Stop()
	for {
		dead := find(q.settings().redrive.target)
		got, turn, err := q.look(ctx, r, end, dead)
		if turn == nil {
			return got, err
		}
		wait(ctx, turn, alarm.C)
		q.giveUp(turn)
	}
}

func (q *queue) patience(r receive) time.Duration {
	if r.wait != nil {
		return seconds(*r.wait)
	}
	return q.settings().wait
}

// look takes what is there. When that is nothing and there is time left, it joins the long polls and returns the turn to
// wait for. Dead is the queue that takes what was received too often, or nil.
func (q *queue) look(ctx context.Context, r receive, end time.Time, dead *queue) ([]delivery, *list.Element, error) {
	now := q.lock()
	if q.deleted {
		q.mu.Unlock()
		return nil, nil, noSuchQueue()
	}
	if ctx.Err() != nil {
		q.unlock(now) // whoever waits next may have what woke this one
		return nil, nil, nil
	}
	got, buried, err := q.take(r, now, dead)
	if len(got) > 0 || err != nil || !now.Before(end) {
		q.unlock(now)
		bury(buried, dead)
		return got, nil, err
	}
	turn := q.waiters.join()
	q.arm(now) // nobody is woken: what is left here is not to be had
	q.mu.Unlock()
	bury(buried, dead)
	return nil, turn, nil
}

func (q *queue) giveUp(turn *list.Element) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.waiters.list.Remove(turn)
}

func bury(parcels []parcel, dead *queue) {
	if len(parcels) > 0 {
		dead.adopt(parcels)
	}
}

// take hands out what is visible, and takes out what was received too often already: AWS moves a message on the receive
// that would exceed maxReceiveCount.
func (q *queue) take(r receive, now time.Time, dead *queue) (got []delivery, buried []parcel, err error) {
	if got := q.again(r.attempt, now); got != nil {
		return got, nil, nil
	}
	room := maxInFlight - q.counts[inFlight]
	if room <= 0 && !q.fifo {
		return nil, nil, refuseAs(403, "OverLimit", "OverLimit", "Too many messages are in flight: a queue has at most %d.", maxInFlight)
	}
	hidden := q.set.visibility
	if r.hidden != nil {
		hidden = seconds(*r.hidden)
	}
	for m := q.line.first(); m != nil && len(got) < min(r.max, room); {
		next := following(m)
		if dead != nil && dead != q && m.receives >= q.set.redrive.max {
			buried = append(buried, q.bury(m))
		} else {
			got = append(got, q.hand(m, hidden, now))
		}
		if m = next; m == nil {
			m = q.line.first()
		}
	}
	q.attempts.remember(r.attempt, got, now)
	return got, buried, nil
}

// hand gives m out.
func (q *queue) hand(m *message, hidden time.Duration, now time.Time) delivery {
	m.receives++
	if m.receives == 1 {
		m.first = now
	}
	m.received, m.hidden, m.touched = now, hidden, false
	q.hide(m, hidden, now)
	return delivery{
		parcel:  &m.parcel,
		receipt: receipt{q.mark, m.number, uint64(m.receives)},
		count:   m.elsewhere + m.receives,
		first:   m.first,
	}
}

// bury takes m out of the queue to be moved.
func (q *queue) bury(m *message) parcel {
	q.remove(m)
	p := m.parcel
	p.origin = q.arn
	p.elsewhere += m.receives
	return p
}
