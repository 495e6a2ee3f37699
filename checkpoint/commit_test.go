package checkpoint

import (
	"context"
	"errors"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"

	bolt "go.etcd.io/bbolt"
	bolterrors "go.etcd.io/bbolt/errors"

	"github.com/esm-run/esm"
)

func openHere(t *testing.T) *DB {
	t.Helper()
	db, err := Open(filepath.Join(t.TempDir(), "checkpoints.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db
}

// hold keeps the committer busy until release is called.
func hold(t *testing.T, f *file) (release func()) {
	t.Helper()
	held, let := make(chan struct{}), make(chan struct{})
	var holder sync.WaitGroup
	holder.Go(func() {
		err := f.change(context.Background(), func(*bolt.Tx) error {
			close(held)
			<-let
			return nil
		})
		if err != nil {
			t.Errorf("the change that holds: %v", err)
		}
	})
	<-held
	return func() { close(let); holder.Wait() }
}

// untilWaiting returns once a number of changes wait for the next commit.
func untilWaiting(f *file, changes int) {
	for waiting := -1; waiting != changes; runtime.Gosched() {
		f.mu.Lock()
		waiting = 0
		if f.waiting != nil {
			waiting = len(f.waiting.changes)
		}
		f.mu.Unlock()
	}
}

func (f *file) lastTx(t testing.TB) (id int) {
	t.Helper()
	if err := f.bolt.View(func(tx *bolt.Tx) error { id = tx.ID(); return nil }); err != nil {
		t.Fatal(err)
	}
	return id
}

func TestWaitingChangesShareACommit(t *testing.T) {
	const savers = 200
	db := openHere(t)
	before := db.file.lastTx(t)
	release := hold(t, db.file)
	var all sync.WaitGroup
	for i := range savers {
		all.Go(func() {
			if _, err := db.Save(t.Context(), shard(i), usual(i)); err != nil {
				t.Errorf("save %d: %v", i, err)
			}
		})
	}
	untilWaiting(db.file, savers)
	release()
	all.Wait()
	if got, want := db.file.lastTx(t)-before, 2; got != want {
		t.Errorf("%d commits, want %d: the one held, and one for all saves", got, want)
	}
}

func TestAnEndedContextDoesNotStopTheCommit(t *testing.T) {
	db := openHere(t)
	release := hold(t, db.file)
	ctx, cancel := context.WithCancel(t.Context())
	var saver sync.WaitGroup
	saver.Go(func() {
		if _, err := db.Save(ctx, shard(1), usual(1)); !errors.Is(err, context.Canceled) || errors.Is(err, esm.ErrConflict) {
			t.Errorf("save: %v, want context.Canceled", err)
		}
	})
	untilWaiting(db.file, 1)
	cancel()
	saver.Wait() // although the commit is held
	release()
	if _, err := db.Save(t.Context(), shard(2), usual(2)); err != nil {
		t.Fatal(err)
	}
	if all, err := db.All(t.Context(), shard(1).Mapping); err != nil || len(all) != 2 {
		t.Errorf("%d checkpoints (%v), want both", len(all), err)
	}
}

func TestCloseWaits(t *testing.T) {
	db := openHere(t)
	release := hold(t, db.file)
	var all sync.WaitGroup
	all.Go(func() {
		if _, err := db.Save(t.Context(), shard(1), usual(1)); err != nil {
			t.Errorf("a save before Close: %v", err)
		}
	})
	untilWaiting(db.file, 1)
	all.Go(func() {
		if err := db.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	for closed := false; !closed; runtime.Gosched() {
		db.file.mu.Lock()
		closed = db.file.closed
		db.file.mu.Unlock()
	}
	release()
	all.Wait()

	_, save := db.Save(t.Context(), shard(1), usual(1))
	_, load := db.All(t.Context(), "m")
	_, read := db.Documents(t.Context(), "k")
	var list error
	for _, list = range db.Undelivered(t.Context()) {
	}
	for name, err := range map[string]error{
		"save": save, "all": load, "undelivered": list, "documents": read,
		"forget": db.Forget(t.Context(), shard(1)),
		"keep":   db.Keep(t.Context(), esm.Notice{ID: "n"}, "", ""),
		"drop":   db.Drop(t.Context(), "n"),
		"write":  db.Write(t.Context(), "k", map[string][]byte{"a": {}}),
	} {
		if !errors.Is(err, ErrClosed) || !strings.Contains(err.Error(), db.file.path) {
			t.Errorf("%s after Close: %v, want ErrClosed with the path", name, err)
		}
	}
	if err := db.Close(); err != nil {
		t.Errorf("the second Close: %v", err)
	}
}

// A limit on the size of the file simulates a full disk on any machine.
func TestFullFile(t *testing.T) {
	db := openHere(t)
	first, err := db.Save(t.Context(), shard(1), usual(1))
	if err != nil {
		t.Fatal(err)
	}
	db.file.bolt.MaxSize = 64 << 10
	big := usual(2)
	for range 3_000 {
		big.Owed = append(big.Owed, esm.Owed{ID: "an id of usual length, of 36 letters"})
	}
	for range 3 {
		if _, err := db.Save(t.Context(), shard(2), big); !errors.Is(err, bolterrors.ErrMaxSizeReached) {
			t.Fatalf("save: %v, want no room", err)
		}
	}
	second, err := db.Save(t.Context(), shard(1), first)
	if err != nil {
		t.Errorf("a save that fits: %v", err)
	}
	db.file.bolt.MaxSize = 0
	if _, err := db.Save(t.Context(), shard(2), big); err != nil {
		t.Errorf("a save when there is room again: %v", err)
	}
	all, err := db.All(t.Context(), shard(1).Mapping)
	if err != nil || len(all) != 2 || all[shard(1).Shard].Version != second.Version {
		t.Errorf("%d checkpoints (%v), the first of version %d, want %d", len(all), err, all[shard(1).Shard].Version, second.Version)
	}
}

func TestAPanicEndsSaving(t *testing.T) {
	db := openHere(t)
	err := db.file.change(t.Context(), func(*bolt.Tx) error { panic("page 7 is no page") })
	if !errors.Is(err, ErrDamaged) || !strings.Contains(err.Error(), "page 7") {
		t.Errorf("got %v, want ErrDamaged with the reason", err)
	}
	if _, err := db.Save(t.Context(), shard(1), usual(1)); !errors.Is(err, ErrDamaged) {
		t.Errorf("the next save: %v, want ErrDamaged", err)
	}
	if err := db.Close(); !errors.Is(err, ErrDamaged) {
		t.Errorf("close: %v, want ErrDamaged", err)
	}
}

func TestVisible(t *testing.T) {
	db := openHere(t)
	if _, err := db.Save(t.Context(), shard(1), usual(1)); err != nil {
		t.Fatal(err)
	}
	last := db.file.lastTx(t)
	if !db.file.visible(last) || db.file.visible(last+1) {
		t.Errorf("transaction %d is visible: %v, the next one: %v", last, db.file.visible(last), db.file.visible(last+1))
	}
}
