package checkpoint

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"iter"
	"time"

	bolt "go.etcd.io/bbolt"

	"github.com/esm-run/esm"
)

// Keep implements [esm.Undelivered].
func (d *DB) Keep(ctx context.Context, n esm.Notice, destination, reason string) error {
	u := esm.UndeliveredNotice{Notice: n, Destination: destination, Reason: reason, Kept: time.Now()}
	err := checkNames(n.ID)
	if n.ID == "" {
		err = errors.New("it has no ID")
	}
	if err == nil {
		err = d.file.change(ctx, func(tx *bolt.Tx) error { return keep(tx, u) })
	}
	return d.file.wrap(err, "keep notice %q", n.ID)
}

func keep(tx *bolt.Tx, u esm.UndeliveredNotice) error {
	notices, places := tx.Bucket(undelivered), tx.Bucket(undeliveredByID)
	place := places.Get(toKey(u.Notice.ID))
	if place != nil {
		old, err := unpackUndelivered(notices.Get(place))
		if err != nil {
			return err
		}
		u.Kept = old.Kept
		return notices.Put(place, packUndelivered(u))
	}
	next, err := notices.NextSequence()
	if err != nil {
		return err
	}
	place = binary.BigEndian.AppendUint64(nil, next)
	if err := notices.Put(place, packUndelivered(u)); err != nil {
		return err
	}
	return places.Put(toKey(u.Notice.ID), place)
}

// Undelivered implements [esm.Undelivered]. Each notice is read in a transaction of its own.
func (d *DB) Undelivered(ctx context.Context) iter.Seq2[esm.UndeliveredNotice, error] {
	return func(yield func(esm.UndeliveredNotice, error) bool) {
		var place []byte
		for {
			u, next, err := d.undeliveredAfter(ctx, place)
			if err != nil {
				yield(u, d.file.wrap(err, "list undelivered notices"))
				return
			}
			if next == nil || !yield(u, nil) {
				return
			}
			place = next
		}
	}
}

// undeliveredAfter returns the first notice after place, and its own place: nil if there is none.
func (d *DB) undeliveredAfter(ctx context.Context, place []byte) (u esm.UndeliveredNotice, next []byte, err error) {
	err = d.file.view(ctx, func(tx *bolt.Tx) (err error) {
		key, value := tx.Bucket(undelivered).Cursor().Seek(append(place, 0))
		if key == nil {
			return nil
		}
		next = append(next, key...)
		if u, err = unpackUndelivered(value); err != nil {
			return fmt.Errorf("%w: a notice: %w", ErrDamaged, err)
		}
		return nil
	})
	return u, next, err
}

// Drop implements [esm.Undelivered].
func (d *DB) Drop(ctx context.Context, ids ...string) error {
	err := d.file.change(ctx, func(tx *bolt.Tx) error {
		for _, id := range ids {
			if err := drop(tx, id); err != nil {
				return err
			}
		}
		return nil
	})
	return d.file.wrap(err, "drop notices")
}

func drop(tx *bolt.Tx, id string) error {
	places := tx.Bucket(undeliveredByID)
	place := places.Get(toKey(id))
	if place == nil {
		return nil
	}
	if err := tx.Bucket(undelivered).Delete(place); err != nil {
		return err
	}
	return places.Delete(toKey(id))
}

// packUndelivered returns a value as it is stored. Its key is empty: a notice's ID is in the value.
func packUndelivered(u esm.UndeliveredNotice) []byte {
	return pack(esm.Key{}, func(w *wire) { w.undelivered(&u) }).seal(0)
}

func unpackUndelivered(value []byte) (u esm.UndeliveredNotice, err error) {
	_, err = unpack(value, esm.Key{}, func(w *wire) { w.undelivered(&u) })
	return u, err
}
