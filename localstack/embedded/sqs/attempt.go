package sqs

import "time"

// attemptInterval is how long a receive of a FIFO queue can be repeated. AWS: "Using the receive request attempt ID in
// Amazon SQS".
const attemptInterval = 5 * time.Minute

// An attempt is what a receive with a ReceiveRequestAttemptId returned.
type attempt struct {
	got     []delivery
	expires time.Time
}

// remember keeps what the receive called key returned.
func (q *queue) remember(key string, got []delivery, now time.Time) {
	if key == "" || len(got) == 0 {
		return
	}
	expires := now.Add(attemptInterval)
	q.attempts[key] = attempt{got, expires}
	q.attemptOrder = append(q.attemptOrder, expiring{key, expires})
}

func (q *queue) forgetAttempts(now time.Time) {
	for key, ok := q.attemptOrder.next(now); ok; key, ok = q.attemptOrder.next(now) {
		if !q.attempts[key].expires.After(now) { // else it was repeated since
			delete(q.attempts, key)
		}
	}
}

// repeat returns what the receive called key returned, with the same receipt handles, and hides it again. It returns nil if
// one of the messages was deleted, became visible or had its visibility changed.
func (q *queue) repeat(key string, now time.Time) []delivery {
	got := q.attempts[key].got
	for _, d := range got {
		m := q.messages[d.receipt.message]
		if m == nil || m.state != inFlight || m.touched || uint64(m.receives) != d.receipt.receive {
			return nil
		}
	}
	for _, d := range got {
		m := q.messages[d.receipt.message]
		m.received = now
		q.hide(m, m.hidden, now)
	}
	return got
}
