package sqs

import "time"

const maxHidden = 12 * time.Hour // AWS: "Amazon SQS visibility timeout"

// find returns the message and the receive that a handle names. The message is nil if it is gone.
func (q *queue) find(handle string) (*message, receipt, error) {
	r, ok := parseReceipt(handle)
	if !ok || r.queue != q.mark || r.message > q.number {
		return nil, r, invalidHandle(handle)
	}
	return q.messages[r.message], r, nil
}

// holds reports whether r is the receive that m is in flight for. A FIFO queue accepts no other handle.
func (q *queue) holds(m *message, r receipt) bool {
	return m.state == inFlight && uint64(m.receives) == r.receive
}

type deleteInput struct {
	queueInput
	ReceiptHandle string
}

func (q *queue) deleteMessage(in deleteInput) error {
	if in.ReceiptHandle == "" {
		return missingParameter("ReceiptHandle")
	}
	now := q.lock()
	defer q.unlock(now)
	return q.delete(in.ReceiptHandle)
}

// delete deletes the message that a handle names; it may be gone already. On a standard queue the handle of an earlier
// receive deletes nothing (AWS: "the request will succeed, but the message might not be deleted"). The lock is held.
func (q *queue) delete(handle string) error {
	m, r, err := q.find(handle)
	switch {
	case err != nil || m == nil:
		return err
	case q.fifo && !q.holds(m, r):
		return invalidValue(handle, "ReceiptHandle", "The receipt handle has expired.")
	case uint64(m.receives) == r.receive:
		q.remove(m)
	}
	return nil
}

type visibilityEntry struct {
	ReceiptHandle     string
	VisibilityTimeout *int
}

type visibilityInput struct {
	queueInput
	visibilityEntry
}

func (q *queue) changeVisibility(in visibilityInput) error {
	return q.setVisibility(in.visibilityEntry)
}

func (q *queue) setVisibility(e visibilityEntry) error {
	switch n := e.VisibilityTimeout; {
	case e.ReceiptHandle == "":
		return missingParameter("ReceiptHandle")
	case n == nil:
		return missingParameter("VisibilityTimeout")
	case *n < 0 || *n > 43200:
		return invalidVisibility(*n)
	}
	return q.hideFor(e.ReceiptHandle, *e.VisibilityTimeout)
}

// hideFor makes the message that a handle names visible n seconds from now. On a standard queue it does nothing to a
// message that is no longer in flight.
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
