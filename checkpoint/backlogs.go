package checkpoint

import (
	"context"

	bolt "go.etcd.io/bbolt"

	"github.com/esm-run/esm"
)

// tally counts events by function. A function without events is not in it.
type tally map[string]count

type count struct{ waiting, taken int }

// add adds to the counts of a function.
func (t tally) add(function string, waiting, taken int) {
	c := t[function]
	c.waiting += waiting
	c.taken += taken
	if t[function] = c; c == (count{}) {
		delete(t, function)
	}
}

// count adds what the last commit has moved to the counts, if it succeeded.
func (q *EventQueue) count(err error) {
	if err == nil {
		q.mu.Lock()
		for function, c := range q.moved {
			q.counts.add(function, c.waiting, c.taken)
		}
		q.mu.Unlock()
	}
	clear(q.moved)
}

// Backlogs implements [esm.Events]. It reads two keys and a short value for each function.
func (q *EventQueue) Backlogs(ctx context.Context) (all []esm.Backlog, err error) {
	err = q.file.view(ctx, func(tx *bolt.Tx) error {
		return tx.Bucket(backlogs).ForEachBucket(func(key []byte) error {
			b, _ := backlogOf(tx, fromKey(key))
			place, _ := b.order.Cursor().First()
			e := esm.Event{Place: placeOf(place)}
			if err := b.times(&e); err != nil {
				return err
			}
			next, _ := b.nextDue()
			all = append(all, esm.Backlog{Function: b.function, Oldest: e.Accepted, Next: next})
			return nil
		})
	})
	if err != nil {
		return nil, q.file.wrap(err, "read the backlogs")
	}
	return q.counted(all), nil
}

// counted sets the counts of backlogs. They may be those of a commit before or after the one that was read, of which no
// caller knows yet: it leaves out functions whose only events are being added or were just removed.
func (q *EventQueue) counted(all []esm.Backlog) []esm.Backlog {
	q.mu.Lock()
	defer q.mu.Unlock()
	known := all[:0]
	for _, b := range all {
		if c, found := q.counts[b.Function]; found {
			b.Waiting, b.Taken = c.waiting, c.taken
			known = append(known, b)
		}
	}
	return known
}
