package checkpoint

import (
	"context"
	"fmt"

	bolt "go.etcd.io/bbolt"

	"github.com/esm-run/esm"
)

// Documents implements [esm.Documents].
func (d *DB) Documents(ctx context.Context, kind string) (map[string][]byte, error) {
	all := map[string][]byte{}
	err := d.file.view(ctx, func(tx *bolt.Tx) error {
		stored := tx.Bucket(documents).Bucket(toKey(kind))
		if stored == nil {
			return nil
		}
		return stored.ForEach(func(key, value []byte) (err error) {
			id := fromKey(key)
			if all[id], err = unpackDocument(value, kind, id); err != nil {
				return fmt.Errorf("%w: %q: %w", ErrDamaged, id, err)
			}
			return nil
		})
	})
	if err != nil {
		return nil, d.file.wrap(err, "read %s", kind)
	}
	return all, nil
}

// Write implements [esm.Documents].
func (d *DB) Write(ctx context.Context, kind string, changes map[string][]byte) error {
	values, err := packDocuments(kind, changes)
	if err == nil {
		err = d.file.change(ctx, func(tx *bolt.Tx) error { return writeDocuments(tx.Bucket(documents), kind, values) })
	}
	return d.file.wrap(err, "write %s", kind)
}

// writeDocuments changes nothing when it fails, because packDocuments has checked every name.
func writeDocuments(all *bolt.Bucket, kind string, values map[string][]byte) error {
	stored, err := all.CreateBucketIfNotExists(toKey(kind))
	if err != nil {
		return err
	}
	for id, value := range values {
		if value == nil {
			err = stored.Delete(toKey(id))
		} else {
			err = stored.Put(toKey(id), value)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// packDocuments returns changes as they are stored.
func packDocuments(kind string, changes map[string][]byte) (map[string][]byte, error) {
	values := make(map[string][]byte, len(changes))
	for id, value := range changes {
		if err := checkNames(kind, id); err != nil {
			return nil, err
		}
		values[id] = nil
		if value != nil {
			values[id] = pack(documentKey(kind, id), func(w *wire) { w.bytes(&value) }).seal(0)
		}
	}
	return values, nil
}

// unpackDocument never returns nil without an error: an empty document is not nil.
func unpackDocument(value []byte, kind, id string) ([]byte, error) {
	document := []byte{}
	_, err := unpack(value, documentKey(kind, id), func(w *wire) { w.bytes(&document) })
	return document, err
}

// documentKey is the key in a document's checksum. No mapping has such a name.
func documentKey(kind, id string) esm.Key { return esm.Key{Mapping: "documents/" + kind, Shard: id} }
