package checkpoint

import (
	"context"
	"encoding/binary"
	"fmt"
	"iter"
	"time"

	bolt "go.etcd.io/bbolt"

	"github.com/esm-run/esm"
)

// Keep keeps a notice that destination did not take, durably, until it is dropped. A notice that is kept already keeps
// its place, and gets the new destination and reason.
func (d *DB) Keep(ctx context.Context, n esm.Notice, destination, reason string) error {
	u := Undelivered{Notice: n, Destination: destination, Reason: reason, Kept: time.Now()}
	err := checkNotice(n)
	if err == nil {
		err = d.change(ctx, func(tx *bolt.Tx) error { return keep(tx, u) })
	}
	if err != nil {
		return fmt.Errorf("checkpoint: %s: keep notice %q: %w", d.path, n.ID, err)
	}
	return nil
}

func keep(tx *bolt.Tx, u Undelivered) error {
	notices, places := tx.Bucket(undelivered), tx.Bucket(undeliveredByID)
	place := places.Get(name(u.Notice.ID))
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
	return places.Put(name(u.Notice.ID), place)
}

// Undelivered returns the notices that are kept, oldest first. One at a time is in memory, and what is dropped or kept
// during the iteration is noticed. An error ends it.
func (d *DB) Undelivered(ctx context.Context) iter.Seq2[Undelivered, error] {
	return func(yield func(Undelivered, error) bool) {
		var place []byte
		for {
			u, next, err := d.behind(ctx, place)
			if err != nil {
				yield(Undelivered{}, fmt.Errorf("checkpoint: %s: undelivered: %w", d.path, err))
				return
			}
			if next == nil || !yield(u, nil) {
				return
			}
			place = next
		}
	}
}

// behind is the first notice behind place, and its place: nil when there is none.
func (d *DB) behind(ctx context.Context, place []byte) (u Undelivered, next []byte, err error) {
	err = d.view(ctx, func(tx *bolt.Tx) (err error) {
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

// Drop removes notices by their IDs, all or none. What is not there is fine.
func (d *DB) Drop(ctx context.Context, ids ...string) error {
	err := d.change(ctx, func(tx *bolt.Tx) error {
		for _, id := range ids {
			if err := drop(tx, id); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("checkpoint: %s: drop: %w", d.path, err)
	}
	return nil
}

func drop(tx *bolt.Tx, id string) error {
	places := tx.Bucket(undeliveredByID)
	place := places.Get(name(id))
	if place == nil {
		return nil
	}
	if err := tx.Bucket(undelivered).Delete(place); err != nil {
		return err
	}
	return places.Delete(name(id))
}
