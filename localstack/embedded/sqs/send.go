package sqs

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"time"

	"github.com/google/uuid"
)

// dedupInterval is how long a FIFO queue remembers what was sent. AWS: "Using the message deduplication ID in Amazon SQS".
const dedupInterval = 5 * time.Minute

// A sent identifies a message to its producer.
type sent struct{ id, sequence string }

// An expiry lists keys in the order in which they expire.
type expiry []expiring

type expiring struct {
	key string
	at  time.Time
}

// next removes and returns the next key that has expired.
func (e *expiry) next(now time.Time) (key string, ok bool) {
	if len(*e) == 0 || (*e)[0].at.After(now) {
		return "", false
	}
	key = (*e)[0].key
	*e = (*e)[1:]
	return key, true
}

// send puts checked content into the queue as a message. If a FIFO queue has seen its deduplication ID in the last five
// minutes, nothing is put and the earlier message is returned.
func (q *queue) send(c content, delay *int) (sent, error) {
	now := q.lock()
	defer q.unlock(now)
	if q.deleted {
		return sent{}, noSuchQueue()
	}
	c.id, c.sent = uuid.NewString(), now
	wait := q.set.delay
	if delay != nil && !q.fifo {
		wait = seconds(*delay)
	}
	if q.fifo {
		if c.dedupID == "" {
			c.dedupID = contentID(c.body)
		}
		key := c.dedupID
		if q.set.perGroup {
			key += " " + c.groupID // neither may contain a space
		}
		if first, ok := q.sends[key]; ok {
			return first, nil
		}
		c.sequence = q.nextSequence()
		q.sends[key] = sent{c.id, c.sequence}
		q.sendOrder = append(q.sendOrder, expiring{key, now.Add(dedupInterval)})
	}
	q.put(c, wait, now)
	return sent{c.id, c.sequence}, nil
}

func (q *queue) forgetSends(now time.Time) {
	for key, ok := q.sendOrder.next(now); ok; key, ok = q.sendOrder.next(now) {
		delete(q.sends, key)
	}
}

// nextSequence returns a sequence number: 20 digits that grow, not by one.
func (q *queue) nextSequence() string {
	q.sequence++
	return fmt.Sprintf("188%017d", q.sequence*256)
}

// contentID returns the deduplication ID of a body under ContentBasedDeduplication.
func contentID(body string) string {
	sum := sha256.Sum256([]byte(body))
	return hex.EncodeToString(sum[:])
}

// adopt takes over dead letters of another queue, in order. In a standard queue they keep their age; in a FIFO queue it
// starts again (AWS: "Using dead-letter queues in Amazon SQS"), and so do their sequence numbers.
func (q *queue) adopt(letters []content) {
	now := q.lock()
	defer q.unlock(now)
	for _, c := range letters {
		if q.fifo {
			c.sent, c.sequence = now, q.nextSequence()
		}
		q.put(c, 0, now)
	}
}
