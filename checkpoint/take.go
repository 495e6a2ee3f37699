package checkpoint

import (
	"context"
	"time"

	bolt "go.etcd.io/bbolt"

	"github.com/esm-run/esm"
)

// Take implements [esm.Events]. Once it has begun to take events it ignores the end of ctx: events that nobody receives
// would stay taken until the next start. It writes nothing if no event is due, and its time does not depend on the number
// of events that wait.
func (q *EventQueue) Take(ctx context.Context, function string, now time.Time, max int) (taken []esm.Event, next time.Time, err error) {
	next, waits, err := q.nextDue(ctx, function)
	if err == nil && waits && !next.After(now) {
		err = q.file.change(context.WithoutCancel(ctx), func(tx *bolt.Tx) (err error) {
			taken, next, err = q.take(tx, function, now, max)
			return err
		})
	}
	if err != nil {
		return nil, time.Time{}, q.file.wrap(err, "take events of %q", function)
	}
	return taken, next, nil
}

// nextDue returns when the first event of function that waits is due, if one waits.
func (q *EventQueue) nextDue(ctx context.Context, function string) (next time.Time, waits bool, err error) {
	err = q.file.view(ctx, func(tx *bolt.Tx) error {
		if b, found := backlogOf(tx, function); found {
			next, waits = b.nextDue()
		}
		return nil
	})
	return next, waits, err
}

func (b backlog) nextDue() (next time.Time, waits bool) {
	first, _ := b.due.Cursor().First()
	if first == nil {
		return time.Time{}, false
	}
	next, _ = splitDue(first)
	return next, true
}

func (q *EventQueue) take(tx *bolt.Tx, function string, now time.Time, max int) (found []esm.Event, next time.Time, err error) {
	b, any := backlogOf(tx, function)
	if !any {
		return nil, time.Time{}, nil
	}
	if found, err = b.dueAt(tx, now, max); err != nil {
		return nil, time.Time{}, err
	}
	if len(found) == 0 {
		next, _ = b.nextDue()
		return nil, next, nil
	}
	for _, e := range found {
		if err := b.due.Delete(dueKey(e.Due, e.Place)); err != nil {
			return nil, time.Time{}, err
		}
		if err := tx.Bucket(takenEvents).Put(placeKey(e.Place), toKey(function)); err != nil {
			return nil, time.Time{}, err
		}
		q.moved.add(function, -1, 1)
	}
	return found, time.Time{}, nil
}

// dueAt reads events that are due: at most max of them, or a megabyte of payloads, but at least one if one is due.
func (b backlog) dueAt(tx *bolt.Tx, now time.Time, max int) (found []esm.Event, err error) {
	size, c := 0, b.due.Cursor()
	for key, _ := c.First(); key != nil && len(found) < max; key, _ = c.Next() {
		due, place := splitDue(key)
		if due.After(now) {
			break
		}
		e, err := b.read(tx, place)
		if err == nil && !e.Due.Equal(due) {
			err = damagedEvent(place, errValue)
		}
		if err != nil {
			return nil, err
		}
		size += len(e.Payload)
		if e.Last != nil {
			size += len(e.Last.Payload)
		}
		if size > esm.MaxEvent && len(found) > 0 {
			break
		}
		found = append(found, e)
	}
	return found, nil
}
