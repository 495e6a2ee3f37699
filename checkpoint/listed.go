package checkpoint

import (
	"context"
	"iter"
	"slices"
	"time"

	bolt "go.etcd.io/bbolt"

	"github.com/esm-run/esm"
)

// List implements [esm.Events]. Each event is read in a transaction of its own.
func (q *EventQueue) List(ctx context.Context, function string) iter.Seq2[esm.Event, error] {
	return func(yield func(esm.Event, error) bool) {
		var e esm.Event
		for {
			var found bool
			var err error
			if e, found, err = q.waitingAfter(ctx, function, e.Place); err != nil {
				yield(esm.Event{}, q.file.wrap(err, "list events"))
				return
			}
			if !found || !yield(e, nil) {
				return
			}
		}
	}
}

// waitingAfter returns the first event of function, or of any if that is empty, that waits at a place after the given one.
func (q *EventQueue) waitingAfter(ctx context.Context, function string, place uint64) (e esm.Event, found bool, err error) {
	err = q.file.view(ctx, func(tx *bolt.Tx) (err error) {
		places := tx.Bucket(allEvents)
		if function != "" {
			b, any := backlogOf(tx, function)
			if !any {
				return nil
			}
			places = b.order
		}
		if place, found = firstWaiting(tx, places, place); !found {
			return nil
		}
		b, err := owner(tx, place)
		if err == nil {
			e, err = b.listed(tx, place)
		}
		return err
	})
	return e, found, err
}

// listed returns the event at place, or what is known about it if it is damaged.
func (b backlog) listed(tx *bolt.Tx, place uint64) (esm.Event, error) {
	e, damage := b.read(tx, place)
	if damage == nil {
		return e, nil
	}
	e = esm.Event{Place: place, Function: b.function, Damaged: damage}
	return e, b.times(&e)
}

// owner returns the backlog that the event at place belongs to. It asks every backlog if the event itself does not say.
func owner(tx *bolt.Tx, place uint64) (backlog, error) {
	if b, found := backlogOf(tx, functionOf(tx.Bucket(allEvents).Get(placeKey(place)))); found && b.has(place) {
		return b, nil
	}
	var found backlog
	err := tx.Bucket(backlogs).ForEachBucket(func(key []byte) error {
		if b, _ := backlogOf(tx, fromKey(key)); b.has(place) {
			found = b
		}
		return nil
	})
	if err == nil && found.order == nil {
		err = damagedEvent(place, errValue)
	}
	return found, err
}

// firstWaiting returns the first of places after the given one at which an event waits.
func firstWaiting(tx *bolt.Tx, places *bolt.Bucket, after uint64) (place uint64, found bool) {
	c := places.Cursor()
	for key, _ := c.Seek(placeKey(after + 1)); key != nil; key, _ = c.Next() {
		if !isTaken(tx, placeOf(key)) {
			return placeOf(key), true
		}
	}
	return 0, false
}

// changedMax is how many events Remove and Hasten change in one commit.
const changedMax = 1_000

// Remove implements [esm.Events]. After an error, removed is the number of those that are certainly removed. It does not
// read events in full: damaged ones can be removed.
func (q *EventQueue) Remove(ctx context.Context, places ...uint64) (removed int, err error) {
	removed, err = q.eachWaiting(ctx, places, func(tx *bolt.Tx, b backlog, e esm.Event) error {
		q.moved.add(b.function, -1, 0)
		return b.remove(tx, e.Place)
	})
	return removed, q.file.wrap(err, "remove events")
}

// Hasten implements [esm.Events]. After an error, hastened is the number of those that are certainly due at now.
func (q *EventQueue) Hasten(ctx context.Context, now time.Time, places ...uint64) (hastened int, err error) {
	hastened, err = q.eachWaiting(ctx, places, func(_ *bolt.Tx, b backlog, e esm.Event) error {
		e.Due = now
		return b.wait(e.Place, e)
	})
	return hastened, q.file.wrap(err, "hasten events")
}

// eachWaiting calls change for each of the events at places that waits, after it has ended the wait, and returns their
// number. Of the event it passes the place and the times.
func (q *EventQueue) eachWaiting(ctx context.Context, places []uint64, change func(*bolt.Tx, backlog, esm.Event) error) (n int, err error) {
	places = slices.Compact(slices.Sorted(slices.Values(places)))
	for some := range slices.Chunk(places, changedMax) {
		changed := 0
		err := q.file.change(ctx, func(tx *bolt.Tx) error {
			for _, place := range some { // before anything is changed
				if _, _, _, err := waitingAt(tx, place); err != nil {
					return err
				}
			}
			for _, place := range some {
				b, e, found, _ := waitingAt(tx, place)
				if !found {
					continue
				}
				changed++
				if err := b.due.Delete(dueKey(e.Due, place)); err != nil {
					return err
				}
				if err := change(tx, b, e); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return n, err
		}
		n += changed
	}
	return n, nil
}

// waitingAt returns the times of the event at place, if one waits there, and the backlog that it belongs to.
func waitingAt(tx *bolt.Tx, place uint64) (b backlog, e esm.Event, found bool, err error) {
	if isTaken(tx, place) {
		return b, e, false, nil
	}
	b, err = owner(tx, place)
	if err != nil && tx.Bucket(allEvents).Get(placeKey(place)) == nil {
		return b, e, false, nil // it is gone
	}
	e.Place = place
	if err == nil {
		err = b.times(&e)
	}
	return b, e, err == nil, err
}
