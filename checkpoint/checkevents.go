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
// events' values. Reading an event checks its value; guarded turns what bbolt does with wrong numbers into ErrDamaged; an
// event that its function's backlog has and that cannot be found is ErrDamaged too. Pages that are neither used nor free
// are not looked for: they only waste space.
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
			return errors.New("a taken event has no place or no function")
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
		return nil, fmt.Errorf("%d events are taken, and %d of them exist", len(places), found)
	}
	return counts, checkOwed(tx)
}

// check counts the events of a backlog, given the functions of the events that are taken and the last place in use. The
// events that wait must be those that have a due time: the checksums of both are summed up.
func (b backlog) check(places map[uint64]string, last uint64) (c count, err error) {
	var waiting, listed keySum
	err = b.order.ForEach(func(place, value []byte) error {
		if len(place) != len(placeKey(0)) || placeOf(place) > last {
			return errors.New("a place is not valid")
		}
		e := esm.Event{Place: placeOf(place)}
		if err := unpackTimes(value, b.function, &e); err != nil {
			return err
		}
		if function, taken := places[e.Place]; !taken {
			waiting.add(dueKey(e.Due, e.Place))
		} else if c.taken++; function != b.function {
			return fmt.Errorf("event %d is taken as one of %q", e.Place, function)
		}
		return nil
	})
	if err != nil {
		return c, err
	}
	err = b.due.ForEach(func(key, _ []byte) error {
		if len(key) != dueKeySize {
			return errors.New("a due time is not valid")
		}
		listed.add(key)
		return nil
	})
	c.waiting = waiting.n
	switch {
	case err != nil:
		return c, err
	case waiting != listed:
		return c, fmt.Errorf("the %d that wait are not the %d that have a due time", waiting.n, listed.n)
	case c == (count{}):
		return c, errors.New("there are none")
	}
	return c, nil
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
			return errors.New("an ID belongs to no owed notice")
		}
		return nil
	})
	if err == nil && notices != 0 {
		err = errors.New("an owed notice cannot be found by its ID")
	}
	return err
}
