package checkpoint_test

import (
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	bolt "go.etcd.io/bbolt"

	"github.com/esm-run/esm"
	"github.com/esm-run/esm/checkpoint"
	"github.com/esm-run/esm/checkpoint/checkpointtest"
)

func path(t *testing.T) string { return filepath.Join(t.TempDir(), "data", "checkpoints.db") }

// open opens a store that is closed, and checked as a whole, when the test is over.
func open(t *testing.T, path string) *checkpoint.DB {
	t.Helper()
	db, err := checkpoint.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
		check(t, path)
	})
	return db
}

// check is bbolt's own check of the file, unless somebody has it open again.
func check(t *testing.T, path string) {
	t.Helper()
	db, err := bolt.Open(path, 0, &bolt.Options{ReadOnly: true, Timeout: time.Millisecond})
	if err != nil {
		t.Errorf("check: %v", err)
		return
	}
	defer db.Close()
	err = db.View(func(tx *bolt.Tx) error {
		for err := range tx.Check() {
			t.Errorf("check: %v", err)
		}
		return nil
	})
	if err != nil {
		t.Errorf("check: %v", err)
	}
}

func TestDB(t *testing.T) {
	checkpointtest.Run(t, func(t *testing.T) (esm.Store, func() esm.Store) {
		path := path(t)
		db := open(t, path)
		return db, func() esm.Store {
			if err := db.Close(); err != nil {
				t.Errorf("close: %v", err)
			}
			check(t, path)
			db = open(t, path)
			return db
		}
	})
}

// A store may be opened inside a synctest bubble or outside, and used in both.
func TestInABubble(t *testing.T) {
	outside := open(t, path(t))
	save := func(t *testing.T, db *checkpoint.DB, shard string) {
		if _, err := db.Save(t.Context(), esm.Key{Mapping: "m", Shard: shard}, esm.Checkpoint{}); err != nil {
			t.Errorf("save: %v", err)
		}
	}
	synctest.Test(t, func(t *testing.T) {
		save(t, open(t, path(t)), "a")
		save(t, outside, "a")
	})
	save(t, outside, "b")
}
