package embedded

import "time"

const maxHidden = 12 * time.Hour // AWS: "Amazon SQS visibility timeout"

// find returns the message that handle is about and the receive that it came from. A message that is gone is nil.
func (q *queue) find(handle string) (*message, receipt, error) {
	r, ok := readReceipt(handle)
	if !ok || r.queue != q.mark || r.message > q.number {
		return nil, r, invalidHandle(handle)
	}
	return q.messages[r.message], r, nil
}

// holds tells whether r is the receive that holds m now. A FIFO queue obeys no other.
func (q *queue) holds(m *message, r receipt) bool {
	return m.state == inFlight && uint64(m.receives) == r.receive
}

// delete ends the message that handle is about. One that is gone already is deleted well. On a standard queue the handle
// of an earlier receive deletes nothing (AWS: "the request will succeed, but the message might not be deleted").
func (q *queue) delete(handle string) error {
	now := q.lock()
	defer q.unlock(now)
	m, r, err := q.find(handle)
	switch {
	case err != nil || m == nil:
		return err
	case q.fifo && !q.holds(m, r):
		return expiredHandle(handle)
	case uint64(m.receives) == r.receive:
		q.remove(m)
	}
	return nil
}

// hideFor changes when the message that handle is about becomes visible: after n seconds from now. On a standard queue a
// message that is not in flight any more stays as it is, without an error.
func (q *queue) hideFor(handle string, n int) error {
	now := q.lock()
	defer q.unlock(now)
	m, r, err := q.find(handle)
	if err != nil {
		return err
	}
	if m == nil || q.fifo && !q.holds(m, r) {
		return invalidValue(handle, "ReceiptHandle", "Message does not exist or is not available for visibility timeout change.")
	}
	if m.state != inFlight {
		return nil
	}
	if now.Add(seconds(n)).Sub(m.received) > maxHidden {
		return invalidValue(n, "VisibilityTimeout", "Total VisibilityTimeout for the message is beyond the limit [43200 seconds].")
	}
	m.touched = true
	q.hide(m, seconds(n), now)
	q.advance(now)
	return nil
}
