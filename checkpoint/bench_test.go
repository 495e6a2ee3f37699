package checkpoint

import (
	"fmt"
	"path/filepath"
	"sync"
	"testing"
	"time"

	bolt "go.etcd.io/bbolt"

	"github.com/esm-run/esm"
)

const busyShards = 1_000

// usual returns a checkpoint as a busy shard saves it.
func usual(i int) esm.Checkpoint {
	return esm.Checkpoint{
		Position: fmt.Sprintf("49660123456789012345678901234567890123456789012345%06d", i),
		Since:    time.Unix(1772600765, 118_000_000).UTC(),
	}
}

func shard(i int) esm.Key {
	return esm.Key{Mapping: "3f0c9a54-6d1e-4e0b-8f43-9b7d2c5a1e88", Shard: fmt.Sprintf("shardId-%012d", i)}
}

func benchDB(b *testing.B, shards int) (*DB, []esm.Checkpoint) {
	b.Helper()
	db, err := Open(filepath.Join(b.TempDir(), "checkpoints.db"))
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { db.Close() })
	cps := make([]esm.Checkpoint, shards)
	for i := range cps {
		cps[i] = usual(i)
	}
	saveAll(b, db, cps, 1)
	return db, cps
}

// saveAll saves every checkpoint a number of times, each in a goroutine of its own.
func saveAll(b *testing.B, db *DB, cps []esm.Checkpoint, times int) {
	b.Helper()
	var savers sync.WaitGroup
	for i := range cps {
		savers.Go(func() {
			k := shard(i)
			for range times {
				cp, err := db.Save(b.Context(), k, cps[i])
				if err != nil {
					b.Error(err)
					return
				}
				cps[i] = cp
			}
		})
	}
	savers.Wait()
}

// BenchmarkSaves compares 1,000 shards that save concurrently with a bare loop: one goroutine that writes as many values
// into the same file without reading, a thousand to a commit. fsyncs/bare compares how often the file is synced, ratio how
// long it takes.
func BenchmarkSaves(b *testing.B) {
	const rounds = 100
	db, cps := benchDB(b, busyShards)
	var shared, bare time.Duration
	first := db.file.lastTx(b)
	for b.Loop() { // in turn, so that other load on the machine slows both
		start := time.Now()
		saveAll(b, db, cps, rounds)
		middle := time.Now()
		bareLoop(b, db.file.bolt, cps, rounds)
		shared, bare = shared+middle.Sub(start), bare+time.Since(middle)
	}
	commits, bareCommits := float64(db.file.lastTx(b)-first-b.N*rounds), float64(b.N*rounds)
	b.ReportMetric(float64(shared)/float64(bare), "ratio")
	b.ReportMetric(commits/bareCommits, "fsyncs/bare")
	b.ReportMetric(float64(shared)/(bareCommits*busyShards), "ns/save")
	b.ReportMetric(float64(bare)/(bareCommits*busyShards), "ns/bare-save")
}

// bareLoop writes the values of rounds of saves, each round in one transaction.
func bareLoop(b *testing.B, db *bolt.DB, cps []esm.Checkpoint, rounds int) {
	b.Helper()
	keys := make([]esm.Key, len(cps))
	for i := range keys {
		keys[i] = shard(i)
	}
	for range rounds {
		err := db.Update(func(tx *bolt.Tx) error {
			shards, err := tx.Bucket(checkpoints).CreateBucketIfNotExists(toKey("bare"))
			if err != nil {
				return err
			}
			for i, k := range keys {
				if err := shards.Put(toKey(k.Shard), packCheckpoint(cps[i], k).seal(1)); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkOpen(b *testing.B) {
	db, _ := benchDB(b, 10_000)
	db.Close()
	for b.Loop() {
		db, err := Open(db.file.path)
		if err != nil {
			b.Fatal(err)
		}
		db.Close()
	}
}
