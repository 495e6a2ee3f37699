package checkpoint

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	bolt "go.etcd.io/bbolt"

	"github.com/esm-run/esm"
)

// filled makes a file with a few hundred checkpoints, a notice and a document. It returns its path and the checkpoints.
func filled(t *testing.T) (path string, all map[string]esm.Checkpoint) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "checkpoints.db")
	db, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	all = map[string]esm.Checkpoint{}
	err = db.file.change(t.Context(), func(tx *bolt.Tx) (err error) { // in one commit, which is faster than 300
		for i := range 300 {
			cp, k := usual(i), shard(i)
			cp.Owed = slices.Repeat([]esm.Owed{{ID: "an id of usual length, of 36 letters"}}, 1+i%20)
			s := saving{k, toKey(k.Mapping), toKey(k.Shard), 0, packCheckpoint(cp, k)}
			if cp.Version, err = s.apply(tx, map[esm.Key]uint64{}); err != nil {
				return err
			}
			all[k.Shard] = cp
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := db.Keep(t.Context(), esm.Notice{ID: "n", Payload: bytes.Repeat([]byte("1"), 10_000)}, "arn", "reason"); err != nil {
		t.Fatal(err)
	}
	if err := db.Write(t.Context(), "kind", map[string][]byte{"d": []byte("a document")}); err != nil {
		t.Fatal(err)
	}
	return path, all
}

func read(t *testing.T, path string) []byte {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return content
}

func write(t *testing.T, path string, content []byte) {
	t.Helper()
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestOpenLeavesOtherFilesUnchanged(t *testing.T) {
	good, _ := filled(t)
	content := read(t, good)
	for name, test := range map[string]struct {
		content []byte
		want    error
	}{
		"empty":                    {nil, ErrForeign},
		"one byte":                 {[]byte("x"), ErrForeign},
		"a text":                   {[]byte(strings.Repeat("all work and no play\n", 5_000)), ErrForeign},
		"zeros":                    {make([]byte, 1<<20), ErrForeign},
		"SQLite":                   {append([]byte("SQLite format 3\x00"), make([]byte, 1<<16)...), ErrForeign},
		"another bbolt file":       {otherBolt(t, false), ErrForeign},
		"an etcd file":             {otherBolt(t, true), ErrForeign},
		"cut in the first page":    {content[:100], ErrDamaged},
		"cut after the first page": {content[:os.Getpagesize()], ErrDamaged},
		"cut in the middle":        {content[:len(content)/2/os.Getpagesize()*os.Getpagesize()], ErrDamaged},
		"cut within a page":        {content[:len(content)/2+1234], ErrDamaged},
		"the middle zeroed":        {zeroed(content, 4*os.Getpagesize(), len(content)/2), ErrDamaged},
		"the first pages zeroed":   {zeroed(content, 0, 2*os.Getpagesize()), ErrForeign},
		"the other pages zeroed":   {zeroed(content, 2*os.Getpagesize(), len(content)), ErrDamaged},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "checkpoints.db")
			write(t, path, test.content)
			db, err := Open(path)
			if err == nil {
				db.Close()
			}
			if !errors.Is(err, test.want) || !strings.Contains(fmt.Sprint(err), path) {
				t.Errorf("got %v, want %v with the path", err, test.want)
			}
			if !bytes.Equal(read(t, path), test.content) {
				t.Error("the file was changed")
			}
			if entries, err := os.ReadDir(filepath.Dir(path)); err != nil || len(entries) != 1 {
				t.Errorf("%d files (%v), want one", len(entries), err)
			}
		})
	}
}

func zeroed(content []byte, from, to int) []byte {
	content = bytes.Clone(content)
	clear(content[from:to])
	return content
}

func otherBolt(t *testing.T, noFreelist bool) []byte {
	path := filepath.Join(t.TempDir(), "other.db")
	db, err := bolt.Open(path, 0o600, &bolt.Options{NoFreelistSync: noFreelist})
	if err != nil {
		t.Fatal(err)
	}
	if err := db.Update(func(tx *bolt.Tx) error { _, err := tx.CreateBucket([]byte("key")); return err }); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	return read(t, path)
}

func TestOpenOfADirectory(t *testing.T) {
	if _, err := Open(t.TempDir()); !errors.Is(err, ErrForeign) {
		t.Errorf("got %v, want ErrForeign", err)
	}
}

// TestAnyByteMayBeWrong changes single bytes of a file: either it is refused, or everything in it was once saved.
func TestAnyByteMayBeWrong(t *testing.T) {
	good, want := filled(t)
	content := read(t, good)
	seed := rand.Uint64()
	dice := rand.New(rand.NewPCG(seed, 0))
	path := filepath.Join(t.TempDir(), "checkpoints.db")
	refused := 0
	for range 200 {
		at, by := dice.IntN(len(content)), byte(1+dice.IntN(255))
		if dice.IntN(2) == 0 { // more often the headers of pages
			at = at/os.Getpagesize()*os.Getpagesize() + dice.IntN(128)
		}
		wrong := bytes.Clone(content)
		wrong[at] ^= by
		write(t, path, wrong)
		if err := checkWrong(t, path, want); err != nil {
			refused++
			if !errors.Is(err, ErrDamaged) && !errors.Is(err, ErrForeign) && !errors.Is(err, ErrNewer) {
				t.Errorf("seed %d: byte %d changed by %d: %v", seed, at, by, err)
			}
		}
	}
	if refused == 0 {
		t.Errorf("seed %d: no file was refused", seed)
	}
}

func checkWrong(t *testing.T, path string, want map[string]esm.Checkpoint) error {
	db, err := Open(path)
	if err != nil {
		return err
	}
	defer db.Close()
	all, err := db.All(t.Context(), shard(0).Mapping)
	if err != nil {
		return err
	}
	for shard, cp := range all {
		if !reflect.DeepEqual(cp, want[shard]) {
			t.Errorf("shard %q: got %+v, want %+v", shard, cp, want[shard])
		}
	}
	for u, err := range db.Undelivered(t.Context()) {
		if err != nil {
			return err
		}
		if u.Notice.ID != "n" {
			t.Errorf("got the notice %q", u.Notice.ID)
		}
	}
	found, err := db.Documents(t.Context(), "kind")
	for id, document := range found {
		if id != "d" || string(document) != "a document" {
			t.Errorf("got the document %q: %q", id, document)
		}
	}
	return err
}

// bbolt's own check misses such damage, does not end on it, or ends the process.
func TestDamageThatBoltDoesNotSurvive(t *testing.T) {
	good, _ := filled(t)
	content, huge := read(t, good), []byte{0xff, 0xff, 0xff, 0xff}
	small := append(toKey("kind"), make([]byte, bucketHeader)...) // a bucket's key, its root and its sequence
	for name, damage := range map[string]func(page []byte, flags uint16){
		"a branch that contains itself": func(page []byte, flags uint16) {
			if flags == branchPage {
				copy(page[pageHeader+8:], page[:8])
			}
		},
		"pages that continue for billions": func(page []byte, _ uint16) { copy(page[12:], huge) },
		"pages beyond the file": func(page []byte, flags uint16) {
			if flags == branchPage {
				copy(page[pageHeader+8:], huge)
			}
		},
		"a small bucket that is no leaf": func(page []byte, _ uint16) {
			if at := bytes.Index(page, small); at >= 0 {
				clear(page[at+len(small)+8:][:2])
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			damaged := bytes.Clone(content)
			for page := range slices.Chunk(damaged[2*os.Getpagesize():], os.Getpagesize()) {
				damage(page, binary.NativeEndian.Uint16(page[8:]))
			}
			path := filepath.Join(t.TempDir(), "checkpoints.db")
			write(t, path, damaged)
			if _, err := Open(path); !errors.Is(err, ErrDamaged) {
				t.Errorf("got %v, want ErrDamaged", err)
			}
		})
	}
}

// TestATornFirstPage simulates a crash while the last page of a commit is written: the commit before it counts.
func TestATornFirstPage(t *testing.T) {
	for page := range 2 {
		path, want := filled(t)
		content := read(t, path)
		clear(content[page*os.Getpagesize()+16+20 : (page+1)*os.Getpagesize()])
		write(t, path, content)
		if err := checkWrong(t, path, want); err != nil {
			t.Errorf("page %d: %v", page, err)
		}
	}
}

func TestOpenMakesPrivateFiles(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a", "b")
	path := filepath.Join(dir, "checkpoints.db")
	db, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for path, want := range map[string]os.FileMode{path: 0o600, dir: 0o700} {
		if info, err := os.Stat(path); err != nil || info.Mode().Perm() != want {
			t.Errorf("%s: %v (%v), want %v", path, info.Mode().Perm(), err, want)
		}
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) != 1 {
		t.Errorf("%d files (%v), want one", len(entries), err)
	}
}

func TestOnlyOneProcessOpensAFile(t *testing.T) {
	path, _ := filled(t)
	synctest.Test(t, func(t *testing.T) { // bbolt waits for the lock by the bubble's clock
		db, err := Open(path)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := Open(path); !errors.Is(err, ErrInUse) || !strings.Contains(err.Error(), path) {
			t.Errorf("the second: %v, want ErrInUse with the path", err)
		}
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
		if db, err = Open(path); err != nil {
			t.Fatalf("after Close: %v", err)
		}
		db.Close()
	})
}

func TestUpgrade(t *testing.T) {
	path, want := filled(t)
	mark := func(s string) step {
		return func(tx *bolt.Tx) error {
			b := tx.Bucket(about)
			return b.Put([]byte("marks"), append(bytes.Clone(b.Get([]byte("marks"))), s...))
		}
	}
	fault := errors.New("fault")
	fails := func(tx *bolt.Tx) error { return errors.Join(mark("x")(tx), fault) }

	before := read(t, path)
	if _, err := open(path, append(slices.Clone(checkpointFile.steps), mark("1"), fails)); !errors.Is(err, fault) || !strings.Contains(err.Error(), "schema 5") {
		t.Errorf("a step that fails: %v", err)
	}
	if err := checkWrong(t, path, want); err != nil || !bytes.Equal(read(t, path), before) {
		t.Errorf("a failed upgrade has changed the file: %v", err)
	}
	steps := append(slices.Clone(checkpointFile.steps), mark("1"), mark("2"))
	for range 2 {
		db, err := open(path, steps)
		if err != nil {
			t.Fatal(err)
		}
		db.file.bolt.View(func(tx *bolt.Tx) error {
			if got := tx.Bucket(about).Get([]byte("marks")); string(got) != "12" {
				t.Errorf("steps %q, want 12", got)
			}
			return nil
		})
		db.Close()
	}
	if _, err := open(path, steps[:1]); !errors.Is(err, ErrNewer) || !strings.Contains(err.Error(), "is 6") {
		t.Errorf("an older release: %v, want ErrNewer with the schema", err)
	}
	if db, err := open(filepath.Join(t.TempDir(), "new.db"), steps); err != nil {
		t.Error(err)
	} else if db.Close(); db.file.path == "" {
		t.Error("no path")
	}
}

// TestSchema1 opens a file of a release that had no documents.
func TestSchema1(t *testing.T) {
	packed, err := os.Open(filepath.Join("testdata", "schema-1.db.gz"))
	if err != nil {
		t.Fatal(err)
	}
	defer packed.Close()
	unpacked, err := gzip.NewReader(packed)
	if err != nil {
		t.Fatal(err)
	}
	content, err := io.ReadAll(unpacked)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "checkpoints.db")
	write(t, path, content)
	db, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	all, err := db.All(t.Context(), "m")
	if err != nil || len(all) != 3 || all["shard-2"].Position != "4966012" || len(all["shard-2"].Owed) != 1 {
		t.Errorf("checkpoints %+v (%v)", all, err)
	}
	for u, err := range db.Undelivered(t.Context()) {
		if err != nil || u.Notice.ID != "n" || u.Notice.Stream == nil || u.Notice.Stream.Size != 1 {
			t.Errorf("notice %+v (%v)", u, err)
		}
	}
	if err := db.Write(t.Context(), "k", map[string][]byte{"a": {}}); err != nil {
		t.Error(err)
	}
	if documents, err := db.Documents(t.Context(), "k"); err != nil || len(documents) != 1 {
		t.Errorf("%d documents (%v), want 1", len(documents), err)
	}
}
