package checkpoint

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	bolt "go.etcd.io/bbolt"

	"github.com/esm-run/esm"
	"github.com/esm-run/esm/config"
)

// EventQueue is a queue of asynchronous events in a bbolt file. Concurrent changes share one commit.
//
// An error of the file system, such as a full disk, fails the changes of one commit, none of which is made. The queue
// stays usable, and later changes succeed once there is room again.
//
// Memory does not grow with the number of events. The file does, and does not shrink: later events use its room again.
type EventQueue struct {
	file *file

	moved tally // by the commit in progress. Owned by the committer.

	mu     sync.Mutex
	counts tally // after the last commit
}

var _ esm.Events = (*EventQueue)(nil)

// OpenEvents opens the queue in the file at path as [Open] does a store, but does not check the whole file: it takes about
// a microsecond for each event, whatever the events' sizes. What it does not check is checked when it is read.
func OpenEvents(path string) (*EventQueue, error) {
	f, err := eventsFile.open(path)
	if err != nil {
		return nil, err
	}
	q := &EventQueue{file: f, moved: tally{}}
	err = f.view(context.Background(), func(tx *bolt.Tx) (err error) {
		if q.counts, err = checkIndexes(tx); err != nil {
			return fmt.Errorf("%w (%w)", errEventsDamaged, err)
		}
		return nil
	})
	if err != nil {
		return nil, errors.Join(f.wrap(err, "open"), f.close())
	}
	f.committed = q.count
	return q, nil
}

// Close implements [esm.Events]. Later calls of other methods fail with [ErrClosed].
func (q *EventQueue) Close() error { return q.file.close() }

// Add implements [esm.Events].
func (q *EventQueue) Add(ctx context.Context, e esm.Event) (esm.Event, error) {
	name, value := functionName(e), packEvent(e)
	var place uint64
	err := checkNames(name)
	if err == nil {
		err = q.file.change(ctx, func(tx *bolt.Tx) (err error) {
			if place, err = add(tx, name, value, e); err == nil {
				q.moved.add(name, 1, 0)
			}
			return err
		})
	}
	if err != nil {
		return esm.Event{}, q.file.wrap(err, "add an event of %q", name)
	}
	e.Place = place
	return e, nil
}

func add(tx *bolt.Tx, name string, value packed, e esm.Event) (place uint64, err error) {
	b, err := makeBacklog(tx, name)
	if err != nil {
		return 0, err
	}
	values := dense(tx.Bucket(allEvents))
	if place, err = values.NextSequence(); err != nil {
		return 0, err
	}
	if err := values.Put(placeKey(place), value.seal(place)); err != nil {
		return 0, err
	}
	return place, b.wait(place, e)
}

// Return implements [esm.Events].
func (q *EventQueue) Return(ctx context.Context, events ...esm.Event) error {
	values := make([]packed, len(events))
	for i, e := range events {
		values[i] = packEvent(e)
	}
	err := q.file.change(ctx, func(tx *bolt.Tx) error {
		for _, e := range events { // before anything is changed
			if b, found, err := takenAt(tx, e.Place); err != nil {
				return err
			} else if found && b.function != functionName(e) {
				return fmt.Errorf("event %d is one of %q, not of %q", e.Place, b.function, functionName(e))
			}
		}
		for i, e := range events {
			b, found, err := takenAt(tx, e.Place)
			if err != nil || !found {
				continue
			}
			if err := dense(tx.Bucket(allEvents)).Put(placeKey(e.Place), values[i].seal(e.Place)); err != nil {
				return err
			}
			if err := q.untake(tx, b, e); err != nil {
				return err
			}
		}
		return nil
	})
	return q.file.wrap(err, "return events")
}

// untake makes a taken event wait for e.Due.
func (q *EventQueue) untake(tx *bolt.Tx, b backlog, e esm.Event) error {
	if err := tx.Bucket(takenEvents).Delete(placeKey(e.Place)); err != nil {
		return err
	}
	q.moved.add(b.function, 1, -1)
	return b.wait(e.Place, e)
}

// Finish implements [esm.Events].
func (q *EventQueue) Finish(ctx context.Context, place uint64, owed ...esm.OwedNotice) error {
	values, err := packOwed(owed)
	if err == nil {
		err = q.file.patientChange(ctx, func(tx *bolt.Tx) error {
			b, found, err := takenAt(tx, place)
			if err != nil || !found {
				return err
			}
			if err := oweAll(tx, owed, values); err != nil {
				return err
			}
			if err := tx.Bucket(takenEvents).Delete(placeKey(place)); err != nil {
				return err
			}
			q.moved.add(b.function, 0, -1)
			return b.remove(tx, place)
		})
	}
	return q.file.wrap(err, "finish event %d", place)
}

// recoverMax is how many events Recover changes in one commit.
const recoverMax = 1_000

// Recover implements [esm.Events]. It does not read the events, of which each may have several megabytes.
func (q *EventQueue) Recover(ctx context.Context, now time.Time) error {
	for more := true; more; {
		err := q.file.view(ctx, func(tx *bolt.Tx) error {
			place, _ := tx.Bucket(takenEvents).Cursor().First()
			more = place != nil
			return nil
		})
		if err == nil && more {
			err = q.file.change(ctx, func(tx *bolt.Tx) error { return q.recoverSome(tx, now) })
		}
		if err != nil {
			return q.file.wrap(err, "recover events")
		}
	}
	return nil
}

func (q *EventQueue) recoverSome(tx *bolt.Tx, now time.Time) error {
	var events []esm.Event
	var of []backlog
	c := tx.Bucket(takenEvents).Cursor()
	for key, _ := c.First(); key != nil && len(events) < recoverMax; key, _ = c.Next() {
		e := esm.Event{Place: placeOf(key)}
		b, _, err := takenAt(tx, e.Place)
		if err == nil {
			err = b.times(&e)
		}
		if err != nil {
			return err
		}
		e.Due = now
		e.Crashes++
		events, of = append(events, e), append(of, b)
	}
	for i, e := range events { // after all of them have been read
		if err := q.untake(tx, of[i], e); err != nil {
			return err
		}
	}
	return nil
}

// functionName returns the name of e's function, without a qualifier.
func functionName(e esm.Event) string {
	name, _ := config.SplitQualifier(e.Function)
	return name
}
