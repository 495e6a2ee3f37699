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

// DB is a store in a bbolt file. Changes that are asked for side by side share one commit.
//
// All methods may be called side by side. A change has been made, and is on the disk, when its method returns without an
// error. A context that ends during the call ends the wait alone: the change may still be made. So it is with an error of
// the file system, such as a full disk; the store stays usable, and later changes succeed when there is room again.
type DB struct {
	path   string
	bolt   *bolt.DB
	broken error // ends all changes. Owned by the committer, and by Close when there is none.

	// versions are what the file holds, of checkpoints that were saved since it was opened. Owned by the committer.
	versions map[esm.Key]uint64

	mu        sync.Mutex
	waiting   *group          // what the next commit takes along; nil when nobody waits
	busy      bool            // there is a committer
	committer *sync.WaitGroup // the last one; nil before the first
	closed    bool
}

var _ esm.Checkpoints = (*DB)(nil)

// Close waits for the changes under way and gives up the file. Further calls of other methods fail with ErrClosed.
func (d *DB) Close() error {
	d.mu.Lock()
	d.closed = true
	committer := d.committer
	d.mu.Unlock()
	if committer != nil {
		committer.Wait()
	}
	if errors.Is(d.broken, ErrDamaged) {
		return d.broken // bbolt has panicked and may hold locks of its own: the file is given up with the process
	}
	if err := d.bolt.Close(); err != nil {
		return fmt.Errorf("checkpoint: %s: close: %w", d.path, err)
	}
	return nil
}

// All is [esm.Checkpoints].All.
func (d *DB) All(ctx context.Context, mapping string) (map[string]esm.Checkpoint, error) {
	all := map[string]esm.Checkpoint{}
	err := d.view(ctx, func(tx *bolt.Tx) error {
		shards := tx.Bucket(checkpoints).Bucket(name(mapping))
		if shards == nil {
			return nil
		}
		return shards.ForEach(func(shard, value []byte) error {
			cp, err := unpackCheckpoint(value, esm.Key{Mapping: mapping, Shard: named(shard)})
			if err != nil {
				return fmt.Errorf("%w: shard %q of %q: %w", ErrDamaged, named(shard), mapping, err)
			}
			all[named(shard)] = cp
			return nil
		})
	})
	if err != nil {
		return nil, fmt.Errorf("checkpoint: %s: load: %w", d.path, err)
	}
	return all, nil
}

// Mappings names the mappings of which something is kept, in the order of their names.
func (d *DB) Mappings(ctx context.Context) (names []string, err error) {
	err = d.view(ctx, func(tx *bolt.Tx) error {
		return tx.Bucket(checkpoints).ForEachBucket(func(mapping []byte) error {
			names = append(names, named(mapping))
			return nil
		})
	})
	if err != nil {
		return nil, fmt.Errorf("checkpoint: %s: list the mappings: %w", d.path, err)
	}
	return names, nil
}

// Save is [esm.Checkpoints].Save. A version is never given out twice, also not after Forget.
func (d *DB) Save(ctx context.Context, k esm.Key, next esm.Checkpoint) (esm.Checkpoint, error) {
	var version uint64
	err := checkKey(k)
	if err == nil {
		s := saving{k, name(k.Mapping), name(k.Shard), next.Version, packCheckpoint(next, k)}
		err = d.change(ctx, func(tx *bolt.Tx) (err error) {
			version, err = s.apply(tx, d.versions)
			return err
		})
	}
	if err != nil {
		return esm.Checkpoint{}, fmt.Errorf("checkpoint: %s: save shard %q of %q: %w", d.path, k.Shard, k.Mapping, err)
	}
	next.Version = version
	return next, nil
}

// saving is a Save with all done that can be done side by side.
type saving struct {
	key            esm.Key
	mapping, shard []byte
	old            uint64 // the version that is to be replaced
	next           packed
}

// apply returns the new version, which it notes in versions. With an error it has changed nothing.
func (s saving) apply(tx *bolt.Tx, versions map[esm.Key]uint64) (version uint64, err error) {
	all := tx.Bucket(checkpoints)
	shards := all.Bucket(s.mapping)
	now, known := versions[s.key]
	if shards != nil && !known {
		if now, err = keptVersion(shards.Get(s.shard)); err != nil {
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

// Forget is [esm.Checkpoints].Forget. All keys are removed, or none.
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
	if err != nil {
		return fmt.Errorf("checkpoint: %s: forget: %w", d.path, err)
	}
	return nil
}

func forget(all *bolt.Bucket, k esm.Key) error {
	shards := all.Bucket(name(k.Mapping))
	if shards == nil {
		return nil
	}
	if err := shards.Delete(name(k.Shard)); err != nil {
		return err
	}
	if first, _ := shards.Cursor().First(); first != nil {
		return nil
	}
	return all.DeleteBucket(name(k.Mapping))
}

// view reads within one transaction. It holds up commits that make the file grow: be short.
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
