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

	// FIFO makes it a FIFO queue: while a message of a group is in flight, no other of that group is returned.
	FIFO bool

	// MaxReceives is the redrive policy's maxReceiveCount; 0 means no dead-letter queue.
	MaxReceives int

	// ReceiveFaults and DeleteFaults select the calls that fail; nil means none.
	ReceiveFaults, DeleteFaults Faults
}

// Queue is a queue in memory that behaves like SQS. Received messages are hidden for the visibility timeout; then they are
// visible again, with a higher receive count and a new receipt at the next receive. A message that was received too often
// moves to the dead-letter queue at the next receive. A long poll ends as soon as a message is visible.
//
// A receipt can settle its message until the message is received again; on a FIFO queue only while it is in flight (AWS API
// reference: "DeleteMessage"). An outdated receipt deletes nothing, without an error, as may happen on a standard queue.
//
// A Queue uses package time: in a synctest bubble it runs on the bubble's clock. All methods may be called concurrently.
type Queue struct {
	cfg               QueueConfig
	receives, deletes atomic.Int64 // calls, for Faults

	mu       sync.Mutex
	sent     int
	messages map[string]*message // all that are not deleted or dead, by id
	visible  *list.List          // of *message, in the order in which they were sent
	hidden   *list.List          // of *message, in the order in which they become visible
	locked   map[string]int      // how many messages of a FIFO queue's group are hidden
	dead     []esm.Record
	deleted  []string
	changed  chan struct{} // closed when waiting receives should look again
}

var _ esm.Queue = (*Queue)(nil)

// NewQueue makes an empty queue.
func NewQueue(cfg QueueConfig) *Queue {
	if cfg.Visibility == 0 {
		cfg.Visibility = 30 * time.Second
	}
	return &Queue{
		cfg:      cfg,
		messages: map[string]*message{},
		visible:  list.New(),
		hidden:   list.New(),
		locked:   map[string]int{},
		changed:  make(chan struct{}),
	}
}

// Send puts a message into the queue and returns its id. Group may be empty on a standard queue, where it does not
// order anything.
func (q *Queue) Send(body, group string) string { return q.SendTraced(body, group, "") }

// SendTraced is Send with a trace header, which the message's record has.
func (q *Queue) SendTraced(body, group, traceHeader string) string {
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
		trace: traceHeader,
	}
	q.messages[m.id] = m
	q.show(m)
	q.wake()
	return m.id
}

// Receive implements [esm.Queue].
func (q *Queue) Receive(ctx context.Context, limit int, wait time.Duration) ([]esm.Record, error) {
	if limit < 1 {
		return nil, fmt.Errorf("sourcetest: receive: limit %d", limit)
	}
	fault := q.cfg.ReceiveFaults.at(int(q.receives.Add(1)))
	if fault.Err != nil && !fault.Done {
		return nil, fault.Err
	}
	recs, err := q.poll(ctx, min(limit, esm.MaxReceived), min(wait.Truncate(time.Second), esm.MaxWait))
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

// take returns visible messages. If there are none, due is when the next one becomes visible (zero: none is hidden), and
// changed is closed when messages may be visible earlier.
func (q *Queue) take(limit int) (recs []esm.Record, due time.Time, changed <-chan struct{}) {
	q.mu.Lock()
	defer q.mu.Unlock()
	now := time.Now()
	q.showDue(now)
	ours := map[string]bool{} // groups of this receive
	for e := q.visible.Front(); e != nil && len(recs) < limit; {
		m, next := e.Value.(*message), e.Next()
		if !m.fifo || q.locked[m.group] == 0 || ours[m.group] {
			ours[m.group] = true
			q.hide(m, now)
			recs = append(recs, m.record())
		}
		e = next
	}
	if first := q.hidden.Front(); first != nil {
		due = first.Value.(*message).until
	}
	return recs, due, q.changed
}

func (q *Queue) hide(m *message, now time.Time) {
	q.visible.Remove(m.place)
	m.receive(now, now.Add(q.cfg.Visibility))
	m.place = q.hidden.PushBack(m)
	q.locked[m.group]++
}

// showDue makes due messages visible, or moves them to the dead-letter queue.
func (q *Queue) showDue(now time.Time) {
	for e := q.hidden.Front(); e != nil && !e.Value.(*message).hidden(now); e = q.hidden.Front() {
		m := e.Value.(*message)
		if q.cfg.MaxReceives > 0 && m.receives >= q.cfg.MaxReceives {
			q.dead = append(q.dead, m.record())
			q.remove(m)
			continue
		}
		q.hidden.Remove(e)
		q.locked[m.group]--
		q.show(m)
	}
}

// show inserts m into the visible messages, before those sent later.
func (q *Queue) show(m *message) {
	for e := q.visible.Front(); e != nil && q.visible.Back().Value.(*message).seq > m.seq; e = e.Next() {
		if e.Value.(*message).seq > m.seq {
			m.place = q.visible.InsertBefore(m, e)
			return
		}
	}
	m.place = q.visible.PushBack(m)
}

// Delete implements [esm.Queue].
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
	m, held := q.messages[r.ID]
	if !held || m.receipt != r.Receipt || m.fifo && !m.hidden(time.Now()) {
		return
	}
	q.deleted = append(q.deleted, m.id)
	q.remove(m)
}

// Release implements [esm.Queue].
func (q *Queue) Release(ctx context.Context, recs []esm.Record) error {
	if err := ctx.Err(); err != nil && len(recs) > 0 {
		return err
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	now := time.Now()
	for _, r := range recs {
		if m, held := q.messages[r.ID]; held && m.receipt == r.Receipt && m.hidden(now) {
			m.until = now
			q.hidden.MoveToFront(m.place)
		}
	}
	q.wake()
	return nil
}

// remove removes m from all lists.
func (q *Queue) remove(m *message) {
	delete(q.messages, m.id)
	hidden := q.hidden.Len()
	q.visible.Remove(m.place) // does nothing on the list that does not contain m
	q.hidden.Remove(m.place)
	if q.hidden.Len() < hidden {
		q.locked[m.group]--
	}
}

// wake makes every waiting receive look again.
func (q *Queue) wake() {
	close(q.changed)
	q.changed = make(chan struct{})
}
