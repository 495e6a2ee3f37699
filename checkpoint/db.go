package checkpoint

import (
	"context"
	"fmt"

	bolt "go.etcd.io/bbolt"

	"github.com/esm-run/esm"
)

// DB is a store in a bbolt file. Concurrent changes share one commit.
//
// An error of the file system, such as a full disk, fails the changes of one commit. The store stays usable, and later
// changes succeed once there is room again.
type DB struct {
	file *file

	// versions caches the versions of checkpoints saved since the file was opened. Owned by the committer.
	versions map[esm.Key]uint64
}

var _ esm.Store = (*DB)(nil)

// Close implements [esm.Store]. Later calls of other methods fail with [ErrClosed].
func (d *DB) Close() error { return d.file.close() }

// All implements [esm.Checkpoints].
func (d *DB) All(ctx context.Context, mapping string) (map[string]esm.Checkpoint, error) {
	all := map[string]esm.Checkpoint{}
	err := d.file.view(ctx, func(tx *bolt.Tx) error {
		shards := tx.Bucket(checkpoints).Bucket(toKey(mapping))
		if shards == nil {
			return nil
		}
		return shards.ForEach(func(shard, value []byte) error {
			cp, err := unpackCheckpoint(value, esm.Key{Mapping: mapping, Shard: fromKey(shard)})
			if err != nil {
				return fmt.Errorf("%w: shard %q of %q: %w", ErrDamaged, fromKey(shard), mapping, err)
			}
			all[fromKey(shard)] = cp
			return nil
		})
	})
	if err != nil {
		return nil, d.file.wrap(err, "load")
	}
	return all, nil
}

// Mappings implements [esm.Store].
func (d *DB) Mappings(ctx context.Context) (names []string, err error) {
	err = d.file.view(ctx, func(tx *bolt.Tx) error {
		return tx.Bucket(checkpoints).ForEachBucket(func(mapping []byte) error {
			names = append(names, fromKey(mapping))
			return nil
		})
	})
	return names, d.file.wrap(err, "list the mappings")
}

// Save implements [esm.Checkpoints].
func (d *DB) Save(ctx context.Context, k esm.Key, next esm.Checkpoint) (esm.Checkpoint, error) {
	var version uint64
	err := checkNames(k.Mapping, k.Shard)
	if err == nil {
		s := saving{k, toKey(k.Mapping), toKey(k.Shard), next.Version, packCheckpoint(next, k)}
		err = d.file.change(ctx, func(tx *bolt.Tx) (err error) {
			version, err = s.apply(tx, d.versions)
			return err
		})
	}
	if err != nil {
		return esm.Checkpoint{}, d.file.wrap(err, "save shard %q of %q", k.Shard, k.Mapping)
	}
	next.Version = version
	return next, nil
}

// saving is a Save with all the work done that needs no transaction.
type saving struct {
	key            esm.Key
	mapping, shard []byte
	old            uint64 // the version to replace
	next           packed
}

// apply returns the new version and records it in versions. It changes nothing when it fails.
func (s saving) apply(tx *bolt.Tx, versions map[esm.Key]uint64) (version uint64, err error) {
	all := tx.Bucket(checkpoints)
	shards := all.Bucket(s.mapping)
	now, known := versions[s.key]
	if shards != nil && !known {
		if now, err = storedVersion(shards.Get(s.shard)); err != nil {
			return 0, fmt.Errorf("%w: %w", ErrDamaged, err)
		}
	}
	if now != s.old {
		return 0, esm.ErrConflict
	}
	if shards == nil {
		if shards, err = all.CreateBucket(s.mapping); err != nil {
			return 0, err
		}
	}
	if version, err = all.NextSequence(); err != nil {
		return 0, err
	}
	if err = shards.Put(s.shard, s.next.seal(version)); err != nil {
		return 0, err
	}
	versions[s.key] = version
	return version, nil
}

// Forget implements [esm.Checkpoints].
func (d *DB) Forget(ctx context.Context, keys ...esm.Key) error {
	err := d.file.change(ctx, func(tx *bolt.Tx) error {
		for _, k := range keys {
			if err := forget(tx.Bucket(checkpoints), k); err != nil {
				return err
			}
			delete(d.versions, k)
		}
		return nil
	})
	return d.file.wrap(err, "forget")
}

func forget(all *bolt.Bucket, k esm.Key) error {
	shards := all.Bucket(toKey(k.Mapping))
	if shards == nil {
		return nil
	}
	if err := shards.Delete(toKey(k.Shard)); err != nil {
		return err
	}
	if first, _ := shards.Cursor().First(); first != nil {
		return nil
	}
	return all.DeleteBucket(toKey(k.Mapping))
}
