package checkpoint_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/esm-run/esm"
	"github.com/esm-run/esm/checkpoint/checkpointtest"
)

// smallDisk returns a directory on a file system of a megabyte.
func smallDisk(t *testing.T) (dir string) {
	t.Helper()
	dir = t.TempDir()
	checkpointtest.MountSmallDisk(t, dir)
	return dir
}

func TestFullDisk(t *testing.T) {
	dir := smallDisk(t)
	path := filepath.Join(dir, "checkpoints.db")
	db := open(t, path)
	saved := map[string]esm.Checkpoint{}
	save := func(shard string, size int) error {
		next := saved[shard]
		next.Position = strings.Repeat("1", size)
		cp, err := db.Save(t.Context(), esm.Key{Mapping: "m", Shard: shard}, next)
		if err == nil {
			saved[shard] = cp
		}
		return err
	}
	if err := save("small", 50); err != nil {
		t.Fatal(err)
	}
	written := ""
	write := func(text string) {
		t.Helper()
		err := db.Write(t.Context(), "k", map[string][]byte{"one": []byte(text), "twin": []byte(text)})
		if err == nil {
			written = text
		} else if !errors.Is(err, syscall.ENOSPC) {
			t.Fatalf("write: %v, want no space", err)
		}
		all, err := db.Documents(t.Context(), "k")
		if err != nil || string(all["one"]) != written || string(all["twin"]) != written {
			t.Errorf("%d and %d bytes (%v), want %d", len(all["one"]), len(all["twin"]), err, len(written))
		}
	}
	ballast := fill(t, dir)
	full := 0
	for i := range 50 {
		if err := save(fmt.Sprint("big-", i%5), 10_000); errors.Is(err, syscall.ENOSPC) {
			full++
		} else if err != nil {
			t.Fatalf("save: %v, want no space", err)
		}
		if err := save("small", 50+i); err != nil && !errors.Is(err, syscall.ENOSPC) {
			t.Fatalf("save: %v, want no space", err)
		}
		write(strings.Repeat(fmt.Sprint("document ", i), 1_000))
	}
	if full == 0 {
		t.Error("the disk was never full")
	}
	has(t, db, saved)
	if err := os.Remove(ballast); err != nil {
		t.Fatal(err)
	}
	for i := range 5 {
		if err := save(fmt.Sprint("big-", i), 10_000); err != nil {
			t.Errorf("save when there is room again: %v", err)
		}
	}
	if write("the last"); written != "the last" {
		t.Error("a write when there is room again fails")
	}
	has(t, db, saved)
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	has(t, open(t, path), saved)
}

func TestFullDiskOfEvents(t *testing.T) {
	dir := smallDisk(t)
	path := filepath.Join(dir, "events.db")
	q := openEvents(t, path)
	waiting, taken := map[uint64]int{}, 0 // sizes by place, and a number
	add := func(size int) error {
		e, err := q.Add(t.Context(), esm.Event{Function: "f", Payload: bytes.Repeat([]byte("1"), size)})
		if err == nil {
			waiting[e.Place] = size
		} else if !errors.Is(err, syscall.ENOSPC) {
			t.Fatalf("add: %v, want no space", err)
		}
		return err
	}
	same := func() {
		t.Helper()
		found := 0
		for e, err := range q.List(t.Context(), "f") {
			if found++; err != nil || len(e.Payload) != waiting[e.Place] {
				t.Fatalf("event %d has %d bytes (%v), want %d", e.Place, len(e.Payload), err, waiting[e.Place])
			}
		}
		all, err := q.Backlogs(t.Context())
		if err != nil || len(all) != 1 || all[0].Waiting != len(waiting) || all[0].Taken != taken || found != len(waiting) {
			t.Fatalf("%d are listed, backlogs %+v (%v), want %d and %d", found, all, err, len(waiting), taken)
		}
	}
	for range 3 {
		if err := add(1_000); err != nil {
			t.Fatal(err)
		}
	}
	found, _, err := q.Take(t.Context(), "f", time.Now(), 1)
	if err != nil || len(found) != 1 {
		t.Fatalf("took %d (%v)", len(found), err)
	}
	place := found[0].Place
	delete(waiting, place)
	taken++
	ballast := fill(t, dir)
	full := 0
	for i := range 30 {
		if add(10_000) != nil {
			full++
		}
		add(10)
		same()
		owed := esm.OwedNotice{Notice: esm.Notice{ID: fmt.Sprint(i), Payload: bytes.Repeat([]byte("1"), 50_000)}}
		if err := q.Finish(t.Context(), place, owed); !errors.Is(err, syscall.ENOSPC) {
			t.Fatalf("finish: %v, want no space", err)
		}
		same()
		for o, err := range q.Owed(t.Context()) {
			t.Errorf("%q is owed (%v) after a finish that failed", o.Notice.ID, err)
		}
	}
	if full == 0 {
		t.Error("the disk was never full")
	}
	if err := os.Remove(ballast); err != nil {
		t.Fatal(err)
	}
	if err := add(10_000); err != nil {
		t.Errorf("add when there is room again: %v", err)
	}
	if err := q.Finish(t.Context(), place); err != nil {
		t.Errorf("finish when there is room again: %v", err)
	}
	taken--
	same()
	if err := q.Close(); err != nil {
		t.Fatal(err)
	}
	q = openEvents(t, path)
	same()
}

// fill writes a file until dir is full, and returns its path.
func fill(t *testing.T, dir string) string {
	t.Helper()
	f, err := os.Create(filepath.Join(dir, "ballast"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for err == nil {
		_, err = f.Write(make([]byte, 4096))
	}
	if !errors.Is(err, syscall.ENOSPC) {
		t.Fatal(err)
	}
	return f.Name()
}

func has(t *testing.T, db esm.Checkpoints, want map[string]esm.Checkpoint) {
	t.Helper()
	all, err := db.All(t.Context(), "m")
	if err != nil || len(all) != len(want) {
		t.Errorf("%d checkpoints (%v), want %d", len(all), err, len(want))
	}
	for shard, cp := range want {
		if all[shard].Position != cp.Position || all[shard].Version != cp.Version {
			t.Errorf("shard %s: version %d, want %d", shard, all[shard].Version, cp.Version)
		}
	}
}
