package embedded

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"time"

	"github.com/google/uuid"
)

// How long a FIFO queue remembers what was sent. AWS: "Using the message deduplication ID in Amazon SQS".
const dedupInterval = 5 * time.Minute

// sends remembers what was sent to a FIFO queue in the last five minutes. It belongs to the queue's lock.
type sends struct {
	known    map[string]receiptOfSend
	order    []expiring
	sequence uint64
}

// A receiptOfSend is what a producer is told about its message.
type receiptOfSend struct{ id, sequence string }

// An expiring is a key of a map and when it may be forgotten.
type expiring struct {
	key string
	at  time.Time
}

// forget drops what is older than the interval.
func (s *sends) forget(now time.Time) {
	for len(s.order) > 0 && !s.order[0].at.After(now) {
		delete(s.known, s.order[0].key)
		s.order = s.order[1:]
	}
}

func (s *sends) remember(key string, r receiptOfSend, now time.Time) {
	if s.known == nil {
		s.known = make(map[string]receiptOfSend)
	}
	s.known[key] = r
	s.order = append(s.order, expiring{key, now.Add(dedupInterval)})
}

// next makes a sequence number: 20 digits that grow, not by one.
func (s *sends) next() string {
	s.sequence++
	return fmt.Sprintf("188%017d", s.sequence*256)
}

// send puts a message that was checked into the queue. On a FIFO queue one that was sent in the last five minutes is
// not put again; its producer is told of the first.
func (q *queue) send(p parcel, delay *int) (receiptOfSend, error) {
	now := q.lock()
	defer q.unlock(now)
	if q.deleted {
		return receiptOfSend{}, noSuchQueue()
	}
	p.id, p.sent = uuid.NewString(), now
	wait := q.set.delay
	if delay != nil && !q.fifo {
		wait = seconds(*delay)
	}
	if q.fifo {
		if p.dedupID == "" {
			p.dedupID = contentID(p.body)
		}
		key := p.dedupID
		if q.set.perGroup {
			key += " " + p.groupID // neither may hold a blank
		}
		if first, ok := q.sent.known[key]; ok {
			return first, nil
		}
		p.sequence = q.sent.next()
		q.sent.remember(key, receiptOfSend{p.id, p.sequence}, now)
	}
	q.put(p, wait, now)
	return receiptOfSend{p.id, p.sequence}, nil
}

// contentID is the deduplication ID of a body under ContentBasedDeduplication.
func contentID(body string) string {
	sum := sha256.Sum256([]byte(body))
	return hex.EncodeToString(sum[:])
}

// adopt takes messages that another queue gave up, in order. A standard queue keeps their age, a FIFO queue starts
// anew (AWS: "Using dead-letter queues in Amazon SQS"), with numbers of its own.
func (q *queue) adopt(parcels []parcel) {
	now := q.lock()
	defer q.unlock(now)
	for _, p := range parcels {
		if q.fifo {
			p.sent, p.sequence = now, q.sent.next()
		}
		q.put(p, 0, now)
	}
}
