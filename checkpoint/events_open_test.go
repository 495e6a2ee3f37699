package checkpoint

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	bolt "go.etcd.io/bbolt"

	"github.com/esm-run/esm"
)

// queued are the contents of a file of events: those of function f wait, those of g are taken.
type queued struct {
	f, g []esm.Event
	owed []string
}

// filledQueue makes a file with a few hundred events of several sizes.
func filledQueue(t *testing.T) (path string, all queued) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "events.db")
	q := openQueue(t, path)
	err := q.file.change(t.Context(), func(tx *bolt.Tx) (err error) { // in one commit, which is faster than 400
		for i := range 400 {
			now := time.Unix(1772600765, int64(i)).UTC()
			e := esm.Event{
				ID: fmt.Sprint(i), Function: []string{"f", "f:live", "g", "f"}[i%4], Accepted: now, Due: now.Add(time.Second),
				Payload: bytes.Repeat([]byte("1"), 10+i%20*100), Last: &esm.EventResult{Error: "failed"},
			}
			if e.Place, err = add(tx, functionName(e), packEvent(e), e); err != nil {
				return err
			}
			q.moved.add(functionName(e), 1, 0)
			if functionName(e) == "f" {
				all.f = append(all.f, e)
			} else {
				all.g = append(all.g, e)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		e, err := q.Add(t.Context(), esm.Event{Function: "h"})
		if err != nil {
			t.Fatal(err)
		}
		if _, _, err := q.Take(t.Context(), "h", time.Now(), 1); err != nil {
			t.Fatal(err)
		}
		id := fmt.Sprint("notice ", e.Place)
		if err := q.Finish(t.Context(), e.Place, esm.OwedNotice{Notice: esm.Notice{ID: id}}); err != nil {
			t.Fatal(err)
		}
		all.owed = append(all.owed, id)
	}
	if taken, _, err := q.Take(t.Context(), "g", time.Now(), 1_000); err != nil || len(taken) != len(all.g) {
		t.Fatalf("took %d of %d (%v)", len(taken), len(all.g), err)
	}
	if err := q.Settle(t.Context()); err != nil { // a commit that changes nothing: if it is torn, nothing is missing
		t.Fatal(err)
	}
	if err := q.Close(); err != nil {
		t.Fatal(err)
	}
	return path, all
}

func openQueue(t *testing.T, path string) *EventQueue {
	t.Helper()
	q, err := OpenEvents(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { q.Close() })
	return q
}

// compareQueue opens a file and returns an error, or expects it to have all events and notices.
func compareQueue(t *testing.T, path string, want queued) error {
	t.Helper()
	q, err := OpenEvents(path)
	if err != nil {
		return err
	}
	defer q.Close()
	backlogs, err := q.Backlogs(t.Context())
	if err != nil {
		return err
	}
	if f, g := len(want.f), len(want.g); len(backlogs) != 2 || backlogs[0].Waiting != f || backlogs[1].Taken != g {
		t.Errorf("backlogs %+v, want %d that wait and %d that are taken", backlogs, f, g)
	}
	if err := compareEvents(t, q, "f", want.f); err != nil {
		return err
	}
	var owed []string
	for o, err := range q.Owed(t.Context()) {
		if err != nil {
			return err
		}
		owed = append(owed, o.Notice.ID)
	}
	if !reflect.DeepEqual(owed, want.owed) {
		t.Errorf("%q are owed, want %q", owed, want.owed)
	}
	recovered := time.Now().UTC()
	if err := q.Recover(t.Context(), recovered); err != nil {
		return err
	}
	g := make([]esm.Event, len(want.g))
	for i, e := range want.g {
		e.Due, e.Crashes = recovered.Round(0), 1
		g[i] = e
	}
	return compareEvents(t, q, "g", g)
}

// compareEvents expects the events of a function, listed and taken.
func compareEvents(t *testing.T, q *EventQueue, function string, want []esm.Event) error {
	t.Helper()
	var listed []esm.Event
	for e, err := range q.List(t.Context(), function) {
		if err != nil {
			return err
		}
		listed = append(listed, e)
	}
	taken, _, err := q.Take(t.Context(), function, time.Now(), 1_000)
	if err != nil {
		return err
	}
	for what, got := range map[string][]esm.Event{"listed": listed, "taken": taken} {
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%d events of %s are %s, want %d", len(got), function, what, len(want))
		}
	}
	return nil
}

func TestOpenEventsLeavesOtherFilesUnchanged(t *testing.T) {
	good, _ := filledQueue(t)
	store, _ := filled(t)
	content := read(t, good)
	for name, test := range map[string]struct {
		content []byte
		want    error
	}{
		"empty":                  {nil, ErrForeign},
		"a text":                 {[]byte(strings.Repeat("all work and no play\n", 5_000)), ErrForeign},
		"another bbolt file":     {otherBolt(t, false), ErrForeign},
		"a checkpoint file":      {read(t, store), ErrForeign},
		"cut in the middle":      {content[:len(content)/2/os.Getpagesize()*os.Getpagesize()], ErrDamaged},
		"cut within a page":      {content[:len(content)/2+1234], ErrDamaged},
		"the first pages zeroed": {zeroed(content, 0, 2*os.Getpagesize()), ErrForeign},
		"the other pages zeroed": {zeroed(content, 2*os.Getpagesize(), len(content)), ErrDamaged},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "events.db")
			write(t, path, test.content)
			q, err := OpenEvents(path)
			if err == nil {
				q.Close()
			}
			if text := fmt.Sprint(err); !errors.Is(err, test.want) || !strings.Contains(text, path) || !strings.Contains(text, "without") ||
				strings.Contains(text, "positions") {
				t.Errorf("got %v, want %v with the path, in words for events", err, test.want)
			}
			if !bytes.Equal(read(t, path), test.content) {
				t.Error("the file was changed")
			}
		})
	}
	if _, err := Open(good); !errors.Is(err, ErrForeign) {
		t.Errorf("a file of events as a checkpoint file: %v, want ErrForeign", err)
	}
}

// TestAnyByteOfEventsMayBeWrong changes single bytes of a file: either it is refused, or reading fails, or nothing is
// missing.
func TestAnyByteOfEventsMayBeWrong(t *testing.T) {
	good, want := filledQueue(t)
	if err := compareQueue(t, good, want); err != nil {
		t.Fatal(err)
	}
	good, want = filledQueue(t)
	content := read(t, good)
	seed := rand.Uint64()
	dice := rand.New(rand.NewPCG(seed, 0))
	dir, refused := t.TempDir(), 0
	for i := range 150 {
		// A new file each time: a queue that met a damaged page while writing keeps its file locked until the process ends.
		path := filepath.Join(dir, fmt.Sprintf("events-%d.db", i))
		at, by := dice.IntN(len(content)), byte(1+dice.IntN(255))
		if dice.IntN(2) == 0 { // more often the headers of pages
			at = at/os.Getpagesize()*os.Getpagesize() + dice.IntN(128)
		}
		wrong := bytes.Clone(content)
		wrong[at] ^= by
		write(t, path, wrong)
		err := compareQueue(t, path, want)
		os.Remove(path)
		if err != nil {
			refused++
			if !errors.Is(err, ErrDamaged) && !errors.Is(err, ErrForeign) && !errors.Is(err, ErrNewer) {
				t.Errorf("byte %d changed by %d: %v", at, by, err)
			}
		}
		if t.Failed() {
			t.Fatalf("seed %d: byte %d changed by %d", seed, at, by)
		}
	}
	if refused == 0 {
		t.Errorf("seed %d: no file was refused", seed)
	}
}

// TestADamagedEvent damages the value of one event in several ways: other functions go on, the event is listed as damaged,
// and its function goes on when it is removed.
func TestADamagedEvent(t *testing.T) {
	for name, damage := range map[string]func(value []byte) []byte{
		"payload":  func(value []byte) []byte { return bytes.Replace(value, []byte("payload"), []byte("PAYLOAD"), 1) },
		"function": func(value []byte) []byte { return bytes.Replace(value, []byte("func-f"), []byte("func-x"), 1) },
		"another":  func(value []byte) []byte { return bytes.Replace(value, []byte("func-f"), []byte("func-g"), 1) },
		"cut":      func(value []byte) []byte { return value[:3] },
		"empty":    func([]byte) []byte { return []byte{} },
		"missing":  func([]byte) []byte { return nil },
	} {
		t.Run(name, func(t *testing.T) { testADamagedEvent(t, damage) })
	}
}

func testADamagedEvent(t *testing.T, damage func(value []byte) []byte) {
	q := openQueue(t, filepath.Join(t.TempDir(), "events.db"))
	var all []esm.Event
	for i, function := range []string{"func-f:live", "func-g", "func-f"} {
		at := time.Unix(1772600765, int64(i)).UTC()
		e, err := q.Add(t.Context(), esm.Event{Function: function, Payload: fmt.Appendf(nil, `"payload %d"`, i), Accepted: at, Due: at, Crashes: 1})
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, e)
	}
	err := q.file.change(t.Context(), func(tx *bolt.Tx) error {
		key, values := placeKey(all[0].Place), tx.Bucket(allEvents)
		if value := damage(bytes.Clone(values.Get(key))); value != nil {
			return values.Put(key, value)
		}
		return values.Delete(key)
	})
	if err != nil {
		t.Fatal(err)
	}

	bad := fmt.Sprintf("event %d", all[0].Place)
	if _, _, err := q.Take(t.Context(), "func-f", time.Now(), 1); !errors.Is(err, ErrDamaged) || !strings.Contains(fmt.Sprint(err), bad) {
		t.Errorf("take: %v, want ErrDamaged with the place", err)
	}
	var listed []esm.Event
	for e, err := range q.List(t.Context(), "func-f") {
		if err != nil {
			t.Fatal(err)
		}
		listed = append(listed, e)
	}
	if len(listed) != 2 || !errors.Is(listed[0].Damaged, ErrDamaged) || !strings.Contains(listed[0].Damaged.Error(), bad) {
		t.Fatalf("listed %+v, want the damaged one and the other", listed)
	}
	listed[0].Damaged = nil
	want := []esm.Event{{Place: all[0].Place, Function: "func-f", Accepted: all[0].Accepted, Due: all[0].Due, Crashes: 1}, all[2]}
	if !reflect.DeepEqual(listed, want) {
		t.Errorf("listed %+v, want %+v", listed, want)
	}
	for e, err := range q.List(t.Context(), "") {
		if err != nil || e.Damaged != nil && e.Place != all[0].Place {
			t.Errorf("of all functions, event %d: %v, %v", e.Place, e.Damaged, err)
		}
	}
	if taken, _, err := q.Take(t.Context(), "func-g", time.Now(), 1); err != nil || len(taken) != 1 {
		t.Errorf("another function: took %d (%v)", len(taken), err)
	}
	for _, want := range []int{1, 0} {
		if removed, err := q.Remove(t.Context(), all[0].Place); err != nil || removed != want {
			t.Errorf("removed %d (%v), want %d", removed, err, want)
		}
	}
	if taken, _, err := q.Take(t.Context(), "func-f", time.Now(), 9); err != nil || len(taken) != 1 || taken[0].Place != all[2].Place {
		t.Errorf("after the removal: took %+v (%v)", taken, err)
	}
	backlogs, err := q.Backlogs(t.Context())
	if err != nil || len(backlogs) != 2 || backlogs[0].Waiting != 0 || backlogs[0].Taken != 1 {
		t.Errorf("backlogs %+v (%v)", backlogs, err)
	}
}

func TestEventsOfANewerRelease(t *testing.T) {
	path, _ := filledQueue(t)
	newer := eventsFile
	newer.steps = []step{func(*bolt.Tx) error { return nil }}
	f, err := newer.open(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := f.close(); err != nil {
		t.Fatal(err)
	}
	if _, err := OpenEvents(path); !errors.Is(err, ErrNewer) || !strings.Contains(err.Error(), path) {
		t.Errorf("got %v, want ErrNewer with the path", err)
	}
}

func TestOpenEventsMakesAPrivateFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "data", "events.db")
	synctest.Test(t, func(t *testing.T) { // bbolt waits for the lock by the bubble's clock
		q := openQueue(t, path)
		if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%v (%v), want 0600", info.Mode(), err)
		}
		if info, err := os.Stat(filepath.Dir(path)); err != nil || info.Mode().Perm() != 0o700 {
			t.Errorf("%v (%v), want 0700", info.Mode(), err)
		}
		if _, err := OpenEvents(path); !errors.Is(err, ErrInUse) {
			t.Errorf("the second: %v, want ErrInUse", err)
		}
		if err := q.Close(); err != nil {
			t.Error(err)
		}
	})
}
