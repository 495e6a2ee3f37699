package settings

import (
	"bytes"
	"context"
	"errors"
	"maps"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/esm-run/esm/cmd/esm/configfile"
	"github.com/esm-run/esm/config"
	"github.com/esm-run/esm/invoker"
)

// memory is an [esm.Documents]. A write with undone set has no effect; with done set it succeeds but returns an error.
type memory struct {
	mu           sync.Mutex
	kinds        map[string]map[string][]byte
	undone, done error
}

func (d *memory) Documents(_ context.Context, kind string) (map[string][]byte, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return maps.Clone(d.kinds[kind]), nil
}

func (d *memory) Write(_ context.Context, kind string, changes map[string][]byte) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.undone != nil {
		return d.undone
	}
	if d.kinds == nil {
		d.kinds = map[string]map[string][]byte{}
	}
	if d.kinds[kind] == nil {
		d.kinds[kind] = map[string][]byte{}
	}
	for id, text := range changes {
		if text == nil {
			delete(d.kinds[kind], id)
			continue
		}
		d.kinds[kind][id] = bytes.Clone(text)
	}
	return d.done
}

func fileReserving(reserved map[string]*int) *configfile.File {
	file := &configfile.File{}
	for name, n := range reserved {
		file.Functions = append(file.Functions, config.Function{Name: name, ReservedConcurrentExecutions: n})
	}
	return file
}

// rig is Settings, with the limits that follow them.
type rig struct {
	*Settings
	limits      *invoker.Limits
	provisioned map[string]int
}

var fileChanged = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

// open opens settings as an engine does at its start.
func open(t *testing.T, file *configfile.File, d *memory) (*rig, []string) {
	t.Helper()
	r := &rig{limits: invoker.NewLimits(10), provisioned: map[string]int{}}
	for _, fn := range file.Functions {
		r.limits.Set(fn.Name, fn.ReservedConcurrentExecutions)
	}
	var notes []string
	var err error
	r.Settings, notes, err = Open(t.Context(), Config{
		File: file, Modified: fileChanged, Store: d, Reserve: r.limits.Set, Provision: func(function string, n int) { r.provisioned[function] = n },
	})
	if err != nil {
		t.Fatal(err)
	}
	return r, notes
}

// reservedFor returns the reservation of a function, which limits and settings agree about.
func reservedFor(t *testing.T, r *rig, name string) string {
	t.Helper()
	effective, reserved := r.limits.Reserved(name)
	n, ok := r.Reservations.Reserved(name)
	switch {
	case n != effective || ok != reserved:
		t.Errorf("%s: %d, %v are reserved, and %d, %v are effective", name, n, ok, effective, reserved)
	case ok:
		return title(&n)
	}
	return title(nil)
}

func TestReservationsSurviveRestart(t *testing.T) {
	for _, c := range []struct {
		name             string
		before, set, now *int
		vanished         bool
		want             string
		stored           int
	}{
		{name: "set over HTTP", set: new(3), want: "3", stored: 1},
		{name: "taken away over HTTP", before: new(2), now: new(2), want: "none", stored: 1},
		{name: "none at all over HTTP", before: new(2), set: new(0), now: new(2), want: "0", stored: 1},
		{name: "changed in the file since", before: new(2), set: new(3), now: new(4), want: "4"},
		{name: "taken out of the file since", before: new(2), set: new(3), want: "none"},
		{name: "put into the file since", set: new(3), now: new(1), want: "1"},
		{name: "as the file says", before: new(2), set: new(2), now: new(2), want: "2"},
		{name: "of a function that has vanished", set: new(3), vanished: true, want: "none"},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := &memory{}
			first, _ := open(t, fileReserving(map[string]*int{"f": c.before}), d)
			if err := first.Reservations.Reserve(t.Context(), "f", c.set); err != nil {
				t.Fatal(err)
			}
			if got, want := reservedFor(t, first, "f"), title(c.set); got != want {
				t.Errorf("at once: got %s, want %s", got, want)
			}
			file := fileReserving(map[string]*int{"f": c.now})
			if c.vanished {
				file = &configfile.File{}
			}
			next, notes := open(t, file, d)
			if got := reservedFor(t, next, "f"); got != c.want || len(d.kinds["concurrency"]) != c.stored || len(notes) != c.stored {
				t.Errorf("after a start: got %s, %d stored, notes %q, want %s, %d", got, len(d.kinds["concurrency"]), notes, c.want, c.stored)
			}
		})
	}
}

// After a failed write, Reserve's error agrees with the reservation, now and at the next start.
func TestReserveWithFailingStore(t *testing.T) {
	fault := errors.New("no space left on device")
	for _, c := range []struct {
		name         string
		undone, done error
		err          error
		want         string
	}{
		{"undone", fault, nil, fault, "none"},
		{"done despite the error", nil, fault, nil, "3"},
	} {
		t.Run(c.name, func(t *testing.T) {
			file, d := fileReserving(map[string]*int{"f": nil}), &memory{undone: c.undone, done: c.done}
			r, _ := open(t, file, d)
			if err := r.Reservations.Reserve(t.Context(), "f", new(3)); !errors.Is(err, c.err) {
				t.Errorf("got %v, want %v", err, c.err)
			}
			next, _ := open(t, file, d)
			if now, then := reservedFor(t, r, "f"), reservedFor(t, next, "f"); now != c.want || then != c.want {
				t.Errorf("got %s now and %s after a start, want %s", now, then, c.want)
			}
		})
	}
}

func TestConcurrentReserve(t *testing.T) {
	file, d := fileReserving(map[string]*int{"f": nil}), &memory{}
	r, _ := open(t, file, d)
	var callers sync.WaitGroup
	for n := range 20 {
		callers.Go(func() {
			if err := r.Reservations.Reserve(t.Context(), "f", &n); err != nil {
				t.Error(err)
			}
		})
	}
	callers.Wait()
	next, _ := open(t, file, d)
	if now, then := reservedFor(t, r, "f"), reservedFor(t, next, "f"); now != then {
		t.Errorf("%s is reserved, and %s after a start", now, then)
	}
}

func TestReserveErrors(t *testing.T) {
	d := &memory{}
	r, _ := open(t, fileReserving(map[string]*int{"f": nil}), d)
	if err := r.Reservations.Reserve(t.Context(), "g", new(3)); err == nil || len(d.kinds) != 0 {
		t.Errorf("of no function: got %v, stored %q", err, d.kinds)
	}
	gone, leave := context.WithCancel(t.Context())
	leave()
	r.Reservations.turn <- struct{}{}
	if err := r.Reservations.Reserve(gone, "f", new(3)); !errors.Is(err, context.Canceled) {
		t.Errorf("canceled while another change is written: got %v", err)
	}
	d.kinds = map[string]map[string][]byte{"concurrency": {"f": []byte("{")}}
	if _, _, err := Open(t.Context(), Config{File: fileReserving(nil), Store: d}); err == nil || !strings.Contains(err.Error(), "function f was not written by this release") {
		t.Errorf("of a later release: got %v", err)
	}
}

// TestStoredReservation tests that a document of an earlier release counts.
func TestStoredReservation(t *testing.T) {
	d := &memory{kinds: map[string]map[string][]byte{"concurrency": {"f": []byte(`{"File":2,"HTTP":5}`), "g": []byte(`{"File":null,"HTTP":1}`)}}}
	r, notes := open(t, fileReserving(map[string]*int{"f": new(2), "g": new(0)}), d)
	if f, g := reservedFor(t, r, "f"), reservedFor(t, r, "g"); f != "5" || g != "0" || len(notes) != 1 {
		t.Errorf("got %s and %s, notes %q", f, g, notes)
	}
	const want = "function f: ReservedConcurrentExecutions was changed over HTTP, to 5: that holds until its value in the file changes"
	if notes[0] != want {
		t.Errorf("got %s, want %s", notes[0], want)
	}
}
