package checkpoint

import (
	"context"
	"fmt"

	bolt "go.etcd.io/bbolt"

	"github.com/esm-run/esm"
)

// Documents returns the documents of one kind by their IDs: what [DB.Write] was given. A kind that was never seen has none.
func (d *DB) Documents(ctx context.Context, kind string) (map[string][]byte, error) {
	all := map[string][]byte{}
	err := d.view(ctx, func(tx *bolt.Tx) error {
		kept := tx.Bucket(documents).Bucket(name(kind))
		if kept == nil {
			return nil
		}
		return kept.ForEach(func(id, value []byte) (err error) {
			if all[named(id)], err = unpackDocument(value, kind, named(id)); err != nil {
				return fmt.Errorf("%w: %q of %s: %w", ErrDamaged, named(id), kind, err)
			}
			return nil
		})
	})
	if err != nil {
		return nil, fmt.Errorf("checkpoint: %s: read %s: %w", d.path, kind, err)
	}
	return all, nil
}

// Write puts documents of one kind under their IDs, in place of what was there; a nil value removes what is there, if
// anything. All changes are made, and are on the disk when Write returns without an error, or none is.
func (d *DB) Write(ctx context.Context, kind string, changes map[string][]byte) error {
	err := checkDocuments(kind, changes)
	if err == nil {
		values := packDocuments(kind, changes)
		err = d.change(ctx, func(tx *bolt.Tx) error { return writeDocuments(tx.Bucket(documents), kind, values) })
	}
	if err != nil {
		return fmt.Errorf("checkpoint: %s: write %s: %w", d.path, kind, err)
	}
	return nil
}

// writeDocuments fails on what a bucket does not take before it has changed anything: checkDocuments was asked.
func writeDocuments(all *bolt.Bucket, kind string, values map[string][]byte) error {
	kept, err := all.CreateBucketIfNotExists(name(kind))
	if err != nil {
		return err
	}
	for id, value := range values {
		if value == nil {
			err = kept.Delete(name(id))
		} else {
			err = kept.Put(name(id), value)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func checkDocuments(kind string, changes map[string][]byte) error {
	for id := range changes {
		if err := checkKey(esm.Key{Mapping: kind, Shard: id}); err != nil {
			return err
		}
	}
	return nil
}

// packDocuments is changes as they are stored.
func packDocuments(kind string, changes map[string][]byte) map[string][]byte {
	values := make(map[string][]byte, len(changes))
	for id, value := range changes {
		values[id] = nil
		if value != nil {
			values[id] = pack(documentKey(kind, id), func(w *wire) { w.bytes(&value) }).seal(0)
		}
	}
	return values
}

// unpackDocument never returns nil without an error: an empty document is one.
func unpackDocument(value []byte, kind, id string) ([]byte, error) {
	document := []byte{}
	_, err := unpack(value, documentKey(kind, id), func(w *wire) { w.bytes(&document) })
	return document, err
}

// documentKey is what a document's checksum is bound to. No mapping has such a name.
func documentKey(kind, id string) esm.Key { return esm.Key{Mapping: "documents/" + kind, Shard: id} }
