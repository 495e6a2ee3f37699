package checkpoint

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"iter"

	bolt "go.etcd.io/bbolt"

	"github.com/esm-run/esm"
)

// packOwed returns notices as they are stored, but for their numbers. It fails if an ID is missing, too long, or used
// twice.
func packOwed(notices []esm.OwedNotice) (values []packed, err error) {
	ids := map[string]bool{}
	for _, o := range notices {
		id := o.Notice.ID
		if err := checkNames(id); err != nil {
			return nil, err
		}
		if id == "" {
			return nil, errors.New("a notice has no ID")
		}
		if ids[id] {
			return nil, owedAlready(id)
		}
		ids[id] = true
		values = append(values, pack(esm.Key{}, func(w *wire) { w.owedNotice(&o) }))
	}
	return values, nil
}

func owedAlready(id string) error { return fmt.Errorf("a notice with the ID %q is owed already", id) }

// oweAll stores notices. It changes nothing if one of them is owed already.
func oweAll(tx *bolt.Tx, notices []esm.OwedNotice, values []packed) error {
	all, numbers := tx.Bucket(owedNotices), tx.Bucket(owedByID)
	for _, o := range notices {
		if numbers.Get(toKey(o.Notice.ID)) != nil {
			return owedAlready(o.Notice.ID)
		}
	}
	for i, o := range notices {
		number, err := all.NextSequence()
		if err != nil {
			return err
		}
		key := binary.BigEndian.AppendUint64(nil, number)
		if err := all.Put(key, values[i].seal(number)); err != nil {
			return err
		}
		if err := numbers.Put(toKey(o.Notice.ID), key); err != nil {
			return err
		}
	}
	return nil
}

// Owed implements [esm.Events]. Each notice is read in a transaction of its own.
func (q *EventQueue) Owed(ctx context.Context) iter.Seq2[esm.OwedNotice, error] {
	return func(yield func(esm.OwedNotice, error) bool) {
		var number uint64
		for {
			o, next, err := q.owedAfter(ctx, number)
			if err != nil {
				yield(esm.OwedNotice{}, q.file.wrap(err, "list owed notices"))
				return
			}
			if next == 0 || !yield(o, nil) {
				return
			}
			number = next
		}
	}
}

// owedAfter returns the first notice with a number above the given one, and its own number: 0 if there is none.
func (q *EventQueue) owedAfter(ctx context.Context, number uint64) (o esm.OwedNotice, next uint64, err error) {
	err = q.file.view(ctx, func(tx *bolt.Tx) error {
		key, value := tx.Bucket(owedNotices).Cursor().Seek(binary.BigEndian.AppendUint64(nil, number+1))
		if key == nil {
			return nil
		}
		next = binary.BigEndian.Uint64(key)
		sealed, err := unpack(value, esm.Key{}, func(w *wire) { w.owedNotice(&o) })
		if err == nil && sealed != next {
			err = errValue
		}
		if err != nil {
			return fmt.Errorf("%w: an owed notice: %w", errEventsDamaged, err)
		}
		return nil
	})
	return o, next, err
}

// Settle implements [esm.Events].
func (q *EventQueue) Settle(ctx context.Context, ids ...string) error {
	err := q.file.change(ctx, func(tx *bolt.Tx) error {
		for _, id := range ids {
			if err := settle(tx, id); err != nil {
				return err
			}
		}
		return nil
	})
	return q.file.wrap(err, "settle notices")
}

func settle(tx *bolt.Tx, id string) error {
	numbers := tx.Bucket(owedByID)
	number := numbers.Get(toKey(id))
	if number == nil {
		return nil
	}
	if err := tx.Bucket(owedNotices).Delete(number); err != nil {
		return err
	}
	return numbers.Delete(toKey(id))
}
