package checkpoint

import (
	"context"
	"errors"
	"fmt"
	"sync"

	bolt "go.etcd.io/bbolt"
	bolterrors "go.etcd.io/bbolt/errors"

	"github.com/esm-run/esm"
)

// DB is a store in a bbolt file. Concurrent changes share one commit.
//
// An error of the file system, such as a full disk, fails the changes of one commit. The store stays usable, and later
// changes succeed once there is room again.
type DB struct {
	path   string
	bolt   *bolt.DB
	broken error // fails all further changes. Owned by the committer, or by Close when there is none.

	// versions caches the versions of checkpoints saved since the file was opened. Owned by the committer.
	versions map[esm.Key]uint64

	mu        sync.Mutex
	waiting   *group          // the next commit; nil when no change waits
	busy      bool            // a committer runs
	committer *sync.WaitGroup // of the last committer; nil before the first
	closed    bool
}

var _ esm.Store = (*DB)(nil)

// Close implements [esm.Store]. Later calls of other methods fail with [ErrClosed].
func (d *DB) Close() error {
	d.mu.Lock()
	d.closed = true
	committer := d.committer
	d.mu.Unlock()
	if committer != nil {
		committer.Wait()
	}
	if errors.Is(d.broken, ErrDamaged) {
		return d.broken // bbolt has panicked and may hold its own locks: only the end of the process releases the file
	}
	return d.wrap(d.bolt.Close(), "close")
}

// All implements [esm.Checkpoints].
func (d *DB) All(ctx context.Context, mapping string) (map[string]esm.Checkpoint, error) {
	all := map[string]esm.Checkpoint{}
	err := d.view(ctx, func(tx *bolt.Tx) error {
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
		return nil, d.wrap(err, "load")
	}
	return all, nil
}

// Mappings implements [esm.Store].
func (d *DB) Mappings(ctx context.Context) (names []string, err error) {
	err = d.view(ctx, func(tx *bolt.Tx) error {
		return tx.Bucket(checkpoints).ForEachBucket(func(mapping []byte) error {
			names = append(names, fromKey(mapping))
			return nil
		})
	})
	return names, d.wrap(err, "list the mappings")
}

// Save implements [esm.Checkpoints].
func (d *DB) Save(ctx context.Context, k esm.Key, next esm.Checkpoint) (esm.Checkpoint, error) {
	var version uint64
	err := checkNames(k.Mapping, k.Shard)
	if err == nil {
		s := saving{k, toKey(k.Mapping), toKey(k.Shard), next.Version, packCheckpoint(next, k)}
		err = d.change(ctx, func(tx *bolt.Tx) (err error) {
			version, err = s.apply(tx, d.versions)
			return err
		})
	}
	if err != nil {
		return esm.Checkpoint{}, d.wrap(err, "save shard %q of %q", k.Shard, k.Mapping)
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
	err := d.change(ctx, func(tx *bolt.Tx) error {
		for _, k := range keys {
			if err := forget(tx.Bucket(checkpoints), k); err != nil {
				return err
			}
			delete(d.versions, k)
		}
		return nil
	})
	return d.wrap(err, "forget")
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

// wrap adds the path and what was tried to err. It returns nil if err is nil.
func (d *DB) wrap(err error, action string, args ...any) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("checkpoint: %s: %s: %w", d.path, fmt.Sprintf(action, args...), err)
}

// view runs read in one transaction. It must be short: meanwhile the file cannot grow.
func (d *DB) view(ctx context.Context, read func(*bolt.Tx) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	err := guarded(func() error { return d.bolt.View(read) })
	if errors.Is(err, bolterrors.ErrDatabaseNotOpen) {
		return ErrClosed
	}
	return err
}
