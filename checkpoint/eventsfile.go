package checkpoint

import (
	"encoding/binary"
	"fmt"
	"time"

	bolt "go.etcd.io/bbolt"

	"github.com/esm-run/esm"
)

// The buckets of a file of events.
var (
	aboutEvents = []byte("esm events")
	allEvents   = []byte("events")     // by place: what only a try changes
	backlogs    = []byte("functions")  // a backlog for each function that has events
	takenEvents = []byte("taken")      // functions by place
	owedNotices = []byte("owed")       // by number, in the order of finishing
	owedByID    = []byte("owed by ID") // numbers of notices

	// In the backlog of a function:
	inOrder = []byte("order") // by place: when the event was accepted, when it is due, its crashes
	byDue   = []byte("due")   // due time and place of each event that waits; no values
)

var eventsFile = kind{
	about:   aboutEvents,
	buckets: [][]byte{allEvents, backlogs, takenEvents, owedNotices, owedByID},
	check:   checkEvents,
	foreign: worded{ErrForeign, "not a file of esm's events, and left alone: move it away to start without events"},
	damaged: errEventsDamaged,
}

var errEventsDamaged = worded{ErrDamaged, "the file of events is damaged, and left alone: restore a copy, or move it away to start without its events"}

// worded is an error in words for another kind of file.
type worded struct {
	error
	text string
}

func (w worded) Error() string { return w.text }
func (w worded) Unwrap() error { return w.error }

func damagedEvent(place uint64, err error) error {
	return fmt.Errorf("%w: event %d: %w", errEventsDamaged, place, err)
}

// backlog is the part of a file that belongs to one function.
type backlog struct {
	function   string
	order, due *bolt.Bucket
}

// backlogOf finds the backlog of a function.
func backlogOf(tx *bolt.Tx, function string) (b backlog, found bool) {
	bucket := tx.Bucket(backlogs).Bucket(toKey(function))
	if bucket == nil {
		return backlog{}, false
	}
	return backlog{function, bucket.Bucket(inOrder), bucket.Bucket(byDue)}, true
}

// makeBacklog finds the backlog of a function, or adds one.
func makeBacklog(tx *bolt.Tx, function string) (backlog, error) {
	if b, found := backlogOf(tx, function); found {
		return b, nil
	}
	bucket, err := tx.Bucket(backlogs).CreateBucket(toKey(function))
	if err != nil {
		return backlog{}, err
	}
	for _, name := range [][]byte{inOrder, byDue} {
		if _, err := bucket.CreateBucket(name); err != nil {
			return backlog{}, err
		}
	}
	return backlog{function, bucket.Bucket(inOrder), bucket.Bucket(byDue)}, nil
}

// wait stores the times of e, which waits at place.
func (b backlog) wait(place uint64, e esm.Event) error {
	if err := dense(b.order).Put(placeKey(place), packTimes(e, b.function, place)); err != nil {
		return err
	}
	return dense(b.due).Put(dueKey(e.Due, place), nil)
}

// has reports whether the event at place belongs to b.
func (b backlog) has(place uint64) bool { return b.order.Get(placeKey(place)) != nil }

// times reads the times of the event at e.Place into e.
func (b backlog) times(e *esm.Event) error {
	if err := unpackTimes(b.order.Get(placeKey(e.Place)), b.function, e); err != nil {
		return damagedEvent(e.Place, err)
	}
	return nil
}

// read returns the event at place.
func (b backlog) read(tx *bolt.Tx, place uint64) (esm.Event, error) {
	e := esm.Event{Place: place}
	if err := b.times(&e); err != nil {
		return esm.Event{}, err
	}
	if err := unpackEvent(tx.Bucket(allEvents).Get(placeKey(place)), &e); err != nil || functionName(e) != b.function {
		return esm.Event{}, worded{ErrDamaged, fmt.Sprintf("event %d is damaged, and the events of %s wait until it is dropped", place, b.function)}
	}
	return e, nil
}

// remove removes an event that neither waits nor is taken any more, and the backlog if it is empty.
func (b backlog) remove(tx *bolt.Tx, place uint64) error {
	if err := tx.Bucket(allEvents).Delete(placeKey(place)); err != nil {
		return err
	}
	if err := b.order.Delete(placeKey(place)); err != nil {
		return err
	}
	if first, _ := b.order.Cursor().First(); first != nil {
		return nil
	}
	return tx.Bucket(backlogs).DeleteBucket(toKey(b.function))
}

// isTaken reports whether the event at place is taken.
func isTaken(tx *bolt.Tx, place uint64) bool {
	return tx.Bucket(takenEvents).Get(placeKey(place)) != nil
}

// takenAt returns the backlog of the event at place, if it is taken.
func takenAt(tx *bolt.Tx, place uint64) (b backlog, found bool, err error) {
	function := tx.Bucket(takenEvents).Get(placeKey(place))
	if len(function) == 0 {
		return backlog{}, false, nil
	}
	if b, found = backlogOf(tx, fromKey(function)); !found {
		return backlog{}, false, damagedEvent(place, errValue)
	}
	return b, true, nil
}

// dense makes pages of b fuller than bbolt does by itself, since most keys are added at the end.
func dense(b *bolt.Bucket) *bolt.Bucket {
	b.FillPercent = 0.9
	return b
}

func placeKey(place uint64) []byte { return binary.BigEndian.AppendUint64(nil, place) }

func placeOf(key []byte) uint64 { return binary.BigEndian.Uint64(key) }

// dueKeySize is the size of a key of the bucket due: seconds 8, nanoseconds 4, place 8.
const dueKeySize = 20

// dueKey returns a key that sorts by time, also before 1970, and then by place.
func dueKey(t time.Time, place uint64) []byte {
	key := binary.BigEndian.AppendUint64(make([]byte, 0, dueKeySize), uint64(t.Unix())^1<<63)
	key = binary.BigEndian.AppendUint32(key, uint32(t.Nanosecond()))
	return binary.BigEndian.AppendUint64(key, place)
}

// splitDue is the inverse of dueKey.
func splitDue(key []byte) (t time.Time, place uint64) {
	seconds := int64(binary.BigEndian.Uint64(key) ^ 1<<63)
	return time.Unix(seconds, int64(binary.BigEndian.Uint32(key[8:]))).UTC(), placeOf(key[12:])
}

func packEvent(e esm.Event) packed { return pack(esm.Key{}, func(w *wire) { w.event(&e) }) }

// unpackEvent reads into e what is stored at e.Place. A value's version is its place.
func unpackEvent(value []byte, e *esm.Event) error {
	place, err := unpack(value, esm.Key{}, func(w *wire) { w.event(e) })
	if err == nil && place != e.Place {
		return errValue
	}
	return err
}

// functionOf reads the first field of an event, without its checksum.
func functionOf(value []byte) string {
	var e esm.Event
	w := wire{buf: value, reading: true}
	w.text(&e.Function)
	return functionName(e)
}

func packTimes(e esm.Event, function string, place uint64) []byte {
	return pack(esm.Key{Mapping: function}, func(w *wire) { w.times(&e) }).seal(place)
}

// unpackTimes reads the times stored at e.Place of a function into e.
func unpackTimes(value []byte, function string, e *esm.Event) error {
	place, err := unpack(value, esm.Key{Mapping: function}, func(w *wire) { w.times(e) })
	if err == nil && place != e.Place {
		return errValue
	}
	return err
}
