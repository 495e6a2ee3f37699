package checkpoint_test

import (
	"path/filepath"
	"slices"
	"testing"
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

// reopener opens path again, after closing what was opened before.
func reopener(t *testing.T) (db *checkpoint.DB, reopen func() *checkpoint.DB) {
	path := path(t)
	db = open(t, path)
	last := db
	return db, func() *checkpoint.DB {
		if err := last.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
		check(t, path)
		last = open(t, path)
		return last
	}
}

func TestMappingsOfWhichSomethingIsKept(t *testing.T) {
	db := open(t, path(t))
	for _, k := range []esm.Key{{Mapping: "b", Shard: "1"}, {Mapping: "a"}, {Mapping: "b"}, {Mapping: "gone"}} {
		if _, err := db.Save(t.Context(), k, esm.Checkpoint{}); err != nil {
			t.Fatal(err)
		}
	}
	if err := db.Forget(t.Context(), esm.Key{Mapping: "gone"}); err != nil {
		t.Fatal(err)
	}
	if got, err := db.Mappings(t.Context()); err != nil || !slices.Equal(got, []string{"a", "b"}) {
		t.Errorf("%q, %v", got, err)
	}
}

func TestDB(t *testing.T) {
	checkpointtest.Run(t, func(t *testing.T) checkpointtest.Fixture {
		db, reopen := reopener(t)
		return checkpointtest.Fixture{Store: db, Restart: func() esm.Checkpoints { return reopen() }}
	})
}

func TestDBUndelivered(t *testing.T) {
	checkpointtest.RunUndelivered(t, func(t *testing.T) (checkpointtest.Notices, func() checkpointtest.Notices) {
		db, reopen := reopener(t)
		return db, func() checkpointtest.Notices { return reopen() }
	})
}

func TestDBDocuments(t *testing.T) {
	checkpointtest.RunDocuments(t, func(t *testing.T) (checkpointtest.Documents, func() checkpointtest.Documents) {
		db, reopen := reopener(t)
		return db, func() checkpointtest.Documents { return reopen() }
	})
}
