package checkpoint

import (
	"errors"
	"fmt"
	"hash/crc32"

	bolt "go.etcd.io/bbolt"

	"github.com/esm-run/esm"
)

// checkEvents is check for a file of events, which may hold gigabytes: it does not read the pages with the events.
//
// Not checked are the numbers and keys on those pages, whether they continue on pages that are in use elsewhere, and the
// events' values. Reading an event checks its value, guarded turns what bbolt does with wrong numbers into ErrDamaged, and
// so is an event that its function's backlog has and that cannot be found. Pages that are neither used nor free are not
// found either: they only waste space.
func checkEvents(tx *bolt.Tx, path string) error {
	if err := checkNumbers(tx, path, allEvents); err != nil {
		return err
	}
	for _, name := range [][]byte{backlogs, takenEvents, owedNotices, owedByID} {
		if b := tx.Bucket(name); b != nil && b.RootPage() != 0 { // small buckets are part of their parent's page
			if err := checkTree(tx, bolt.WithPageId(uint64(b.RootPage()))); err != nil {
				return err
			}
		}
	}
	return nil
}

// checkIndexes checks that the indexes of a file of events agree: each event waits or is taken, in one backlog. It returns
// the number of events of each function.
func checkIndexes(tx *bolt.Tx) (tally, error) {
	places := map[uint64]string{} // functions of the events that are taken
	err := tx.Bucket(takenEvents).ForEach(func(place, name []byte) error {
		if len(place) != len(placeKey(0)) || len(name) == 0 {
			return errors.New("the place of a taken event")
		}
		places[placeOf(place)] = fromKey(name)
		return nil
	})
	if err != nil {
		return nil, err
	}
	counts, found := tally{}, 0
	err = tx.Bucket(backlogs).ForEachBucket(func(key []byte) error {
		b, _ := backlogOf(tx, fromKey(key))
		c, err := b.check(places, tx.Bucket(allEvents).Sequence())
		if err != nil {
			return fmt.Errorf("the events of %q: %w", b.function, err)
		}
		counts.add(b.function, c.waiting, c.taken)
		found += c.taken
		return nil
	})
	switch {
	case err != nil:
		return nil, err
	case found != len(places):
		return nil, fmt.Errorf("%d of %d taken events", found, len(places))
	}
	return counts, checkOwed(tx)
}

// check counts the events of a backlog. The events that wait must be those that are due at some time: the checksums of
// both are summed up.
func (b backlog) check(places map[uint64]string, last uint64) (c count, err error) {
	var waiting, listed keySum
	err = b.order.ForEach(func(place, value []byte) error {
		if len(place) != len(placeKey(0)) || placeOf(place) > last {
			return errors.New("a place")
		}
		e := esm.Event{Place: placeOf(place)}
		if err := unpackTimes(value, b.function, &e); err != nil {
			return err
		}
		if function, taken := places[e.Place]; !taken {
			waiting.add(dueKey(e.Due, e.Place))
		} else if c.taken++; function != b.function {
			return errors.New("the function of a taken event")
		}
		return nil
	})
	if err != nil {
		return c, err
	}
	err = b.due.ForEach(func(key, _ []byte) error {
		if len(key) != dueKeySize {
			return errors.New("a due time")
		}
		listed.add(key)
		return nil
	})
	if err == nil && waiting != listed {
		err = fmt.Errorf("%d wait, and %d are due at some time", waiting.n, listed.n)
	}
	c.waiting = waiting.n
	return c, err
}

// keySum counts keys and sums up their checksums.
type keySum struct {
	n   int
	sum uint64
}

func (c *keySum) add(key []byte) {
	c.n++
	c.sum += uint64(crc32.Checksum(key, castagnoli))
}

// checkOwed checks that each owed notice can be settled by its ID.
func checkOwed(tx *bolt.Tx) error {
	notices := 0
	err := tx.Bucket(owedNotices).ForEach(func(number, _ []byte) error {
		notices++
		return nil
	})
	if err != nil {
		return err
	}
	err = tx.Bucket(owedByID).ForEach(func(_, number []byte) error {
		if notices--; tx.Bucket(owedNotices).Get(number) == nil {
			return errors.New("the ID of an owed notice")
		}
		return nil
	})
	if err == nil && notices != 0 {
		err = errors.New("the number of owed notices")
	}
	return err
}
