package sourcetest

import (
	"container/list"
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/esm-run/esm"
)

// QueueConfig describes a [Queue]. The zero QueueConfig is a standard queue without a dead-letter queue.
type QueueConfig struct {
	// Visibility is how long a received message stays hidden; 0 means 30 s, as on SQS.
	Visibility time.Duration

	// FIFO makes it a FIFO queue: while a message of a group is in flight, no other of that group is handed out.
	FIFO bool

	// MaxReceives is the redrive policy's maxReceiveCount; 0 means that messages come back for ever.
	MaxReceives int

	// ReceiveFaults and DeleteFaults say which calls fail, and how; nil means none.
	ReceiveFaults, DeleteFaults Faults
}

// Queue is a queue in memory that behaves as SQS does: received messages are hidden for the visibility timeout and then
// come back with a higher receive count, a new receipt each time; what was received too often moves to the dead-letter
// queue at the next receive; a long poll ends as soon as a message arrives or comes back.
//
// A receipt settles its message until the message is received again; on a FIFO queue only as long as it is in flight
// (AWS API reference: "DeleteMessage"). As on a standard queue on a bad day, an outdated receipt deletes nothing, and
// nobody is told.
//
// Time is that of package time, so that a Queue made inside a synctest bubble runs on the bubble's clock.
// All methods may be called side by side.
type Queue struct {
	cfg               QueueConfig
	receives, deletes atomic.Int64 // calls, for Faults

	mu       sync.Mutex
	sent     int
	messages *list.List // of *message, in the order in which they were sent
	byID     map[string]*list.Element
	dead     []esm.Record
	deleted  []string
	changed  chan struct{} // closed when a waiting receive should look again
}

var _ esm.Queue = (*Queue)(nil)

// NewQueue makes an empty queue.
func NewQueue(cfg QueueConfig) *Queue {
	if cfg.Visibility == 0 {
		cfg.Visibility = 30 * time.Second
	}
	return &Queue{cfg: cfg, messages: list.New(), byID: map[string]*list.Element{}, changed: make(chan struct{})}
}

// Send puts a message into the queue and returns its id. Group may be empty on a standard queue, where it does not
// order anything.
func (q *Queue) Send(body, group string) string {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.sent++
	m := &message{
		id:    fmt.Sprintf("00000000-0000-4000-8000-%012d", q.sent),
		body:  body,
		group: group,
		fifo:  q.cfg.FIFO,
		sent:  time.Now(),
		seq:   q.sent,
	}
	q.byID[m.id] = q.messages.PushBack(m)
	q.wake()
	return m.id
}

// Receive is [esm.Queue].Receive.
func (q *Queue) Receive(ctx context.Context, limit int, wait time.Duration) ([]esm.Record, error) {
	if limit < 1 {
		return nil, fmt.Errorf("sourcetest: receive: limit %d", limit)
	}
	fault := q.cfg.ReceiveFaults.at(int(q.receives.Add(1)))
	if fault.Err != nil && !fault.Done {
		return nil, fault.Err
	}
	recs, err := q.poll(ctx, min(limit, 10), min(wait.Truncate(time.Second), 20*time.Second))
	if fault.Err != nil {
		return nil, fault.Err
	}
	return recs, err
}

func (q *Queue) poll(ctx context.Context, limit int, wait time.Duration) ([]esm.Record, error) {
	end := time.Now().Add(wait)
	for {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		recs, due, changed := q.take(limit)
		if len(recs) > 0 || !time.Now().Before(end) {
			return recs, nil
		}
		if due.IsZero() || due.After(end) {
			due = end
		}
		timer := time.NewTimer(time.Until(due))
		select {
		case <-ctx.Done():
		case <-changed:
		case <-timer.C:
		}
		timer.Stop()
	}
}

// take hands out what is visible. When that is nothing, due is when the next message comes back (zero: none is in
// flight), and changed is closed when it is worth looking before that.
func (q *Queue) take(limit int) (recs []esm.Record, due time.Time, changed <-chan struct{}) {
	q.mu.Lock()
	defer q.mu.Unlock()
	now := time.Now()
	q.redrive(now)
	locked, due := q.inFlight(now)
	for e := q.messages.Front(); e != nil && len(recs) < limit; e = e.Next() {
		m := e.Value.(*message)
		if m.hidden(now) || locked[m.group] {
			continue
		}
		m.receive(now, now.Add(q.cfg.Visibility))
		recs = append(recs, m.record())
	}
	return recs, due, q.changed
}

// inFlight returns the groups that have a message in flight (none on a standard queue), and when the first message in
// flight comes back.
func (q *Queue) inFlight(now time.Time) (groups map[string]bool, due time.Time) {
	groups = map[string]bool{}
	for e := q.messages.Front(); e != nil; e = e.Next() {
		m := e.Value.(*message)
		if !m.hidden(now) {
			continue
		}
		if due.IsZero() || m.until.Before(due) {
			due = m.until
		}
		if m.fifo {
			groups[m.group] = true
		}
	}
	return groups, due
}

// redrive moves what was received often enough and is due again to the dead-letter queue.
func (q *Queue) redrive(now time.Time) {
	if q.cfg.MaxReceives == 0 {
		return
	}
	for e := q.messages.Front(); e != nil; {
		m, next := e.Value.(*message), e.Next()
		if m.receives >= q.cfg.MaxReceives && !m.hidden(now) {
			q.dead = append(q.dead, m.record())
			q.remove(e)
		}
		e = next
	}
}

// Delete is [esm.Queue].Delete.
func (q *Queue) Delete(ctx context.Context, recs []esm.Record) (left []esm.Record, err error) {
	if err := ctx.Err(); err != nil && len(recs) > 0 {
		return recs, err
	}
	fault := q.cfg.DeleteFaults.at(int(q.deletes.Add(1)))
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, r := range recs {
		failed := fault.Err != nil && (fault.Only == nil || fault.Only(r))
		if failed {
			left, err = append(left, r), fault.Err
		}
		if !failed || fault.Done {
			q.settle(r)
		}
	}
	q.wake()
	return left, err
}

func (q *Queue) settle(r esm.Record) {
	e, held := q.byID[r.ID]
	if !held {
		return
	}
	m := e.Value.(*message)
	if m.receipt != r.Receipt || m.fifo && !m.hidden(time.Now()) {
		return
	}
	q.deleted = append(q.deleted, m.id)
	q.remove(e)
}

func (q *Queue) remove(e *list.Element) {
	delete(q.byID, e.Value.(*message).id)
	q.messages.Remove(e)
}

// wake makes every waiting receive look again.
func (q *Queue) wake() {
	close(q.changed)
	q.changed = make(chan struct{})
}
