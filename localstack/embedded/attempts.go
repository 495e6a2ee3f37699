package embedded

import "time"

// How long a receive of a FIFO queue can be repeated. AWS: "Using the receive request attempt ID in Amazon SQS".
const attemptInterval = 5 * time.Minute

// attempts remembers what receives with a ReceiveRequestAttemptId returned. It belongs to the queue's lock.
type attempts struct {
	known map[string]attempt
	order []expiring
}

type attempt struct {
	got []delivery
	at  time.Time // when it may be forgotten
}

func (a *attempts) remember(key string, got []delivery, now time.Time) {
	if key == "" || len(got) == 0 {
		return
	}
	if a.known == nil {
		a.known = make(map[string]attempt)
	}
	at := now.Add(attemptInterval)
	a.known[key] = attempt{got, at}
	a.order = append(a.order, expiring{key, at})
}

func (a *attempts) forget(now time.Time) {
	for len(a.order) > 0 && !a.order[0].at.After(now) {
		key := a.order[0].key
		if !a.known[key].at.After(now) { // else it was remembered anew since
			delete(a.known, key)
		}
		a.order = a.order[1:]
	}
}

// again returns what the receive called key returned, with the same receipt handles, and hides it anew; or nil when that
// cannot be repeated because one of the messages was deleted, came back or had its visibility changed.
func (q *queue) again(key string, now time.Time) []delivery {
	got := q.attempts.known[key].got
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
