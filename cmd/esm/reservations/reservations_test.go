package reservations

import (
	"bytes"
	"context"
	"errors"
	"maps"
	"strings"
	"sync"
	"testing"

	"github.com/esm-run/esm/cmd/esm/configfile"
	"github.com/esm-run/esm/config"
	"github.com/esm-run/esm/invoker"
)

// memory is an [esm.Documents] of one kind. A write with undone set has no effect; with done set it succeeds but returns an
// error.
type memory struct {
	mu           sync.Mutex
	stored       map[string][]byte
	undone, done error
}

func (d *memory) Documents(context.Context, string) (map[string][]byte, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return maps.Clone(d.stored), nil
}

func (d *memory) Write(_ context.Context, _ string, changes map[string][]byte) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.undone != nil {
		return d.undone
	}
	for id, text := range changes {
		if text == nil {
			delete(d.stored, id)
			continue
		}
		d.stored[id] = bytes.Clone(text)
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

// open opens reservations as an engine does at its start.
func open(t *testing.T, file *configfile.File, d *memory) (*Reservations, []string) {
	t.Helper()
	limits := invoker.NewLimits(10)
	for _, fn := range file.Functions {
		limits.Set(fn.Name, fn.ReservedConcurrentExecutions)
	}
	r, notes, err := Open(t.Context(), file, limits, d)
	if err != nil {
		t.Fatal(err)
	}
	return r, notes
}

func reservedFor(r *Reservations, name string) string {
	if n, ok := r.Reserved(name); ok {
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
			d := &memory{stored: map[string][]byte{}}
			first, _ := open(t, fileReserving(map[string]*int{"f": c.before}), d)
			if err := first.Reserve(t.Context(), "f", c.set); err != nil {
				t.Fatal(err)
			}
			if got, want := reservedFor(first, "f"), title(c.set); got != want {
				t.Errorf("at once: got %s, want %s", got, want)
			}
			file := fileReserving(map[string]*int{"f": c.now})
			if c.vanished {
				file = &configfile.File{}
			}
			next, notes := open(t, file, d)
			if got := reservedFor(next, "f"); got != c.want || len(d.stored) != c.stored || len(notes) != c.stored {
				t.Errorf("after a start: got %s, %d stored, notes %q, want %s, %d", got, len(d.stored), notes, c.want, c.stored)
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
			file, d := fileReserving(map[string]*int{"f": nil}), &memory{stored: map[string][]byte{}, undone: c.undone, done: c.done}
			r, _ := open(t, file, d)
			if err := r.Reserve(t.Context(), "f", new(3)); !errors.Is(err, c.err) {
				t.Errorf("got %v, want %v", err, c.err)
			}
			next, _ := open(t, file, d)
			if now, then := reservedFor(r, "f"), reservedFor(next, "f"); now != c.want || then != c.want {
				t.Errorf("got %s now and %s after a start, want %s", now, then, c.want)
			}
		})
	}
}

func TestConcurrentReserve(t *testing.T) {
	file, d := fileReserving(map[string]*int{"f": nil}), &memory{stored: map[string][]byte{}}
	r, _ := open(t, file, d)
	var callers sync.WaitGroup
	for n := range 20 {
		callers.Go(func() {
			if err := r.Reserve(t.Context(), "f", &n); err != nil {
				t.Error(err)
			}
		})
	}
	callers.Wait()
	next, _ := open(t, file, d)
	if now, then := reservedFor(r, "f"), reservedFor(next, "f"); now != then {
		t.Errorf("%s is reserved, and %s after a start", now, then)
	}
}

func TestReserveErrors(t *testing.T) {
	d := &memory{stored: map[string][]byte{}}
	r, _ := open(t, fileReserving(map[string]*int{"f": nil}), d)
	if err := r.Reserve(t.Context(), "g", new(3)); err == nil || len(d.stored) != 0 {
		t.Errorf("of no function: got %v, stored %q", err, d.stored)
	}
	gone, leave := context.WithCancel(t.Context())
	leave()
	r.turn <- struct{}{}
	if err := r.Reserve(gone, "f", new(3)); !errors.Is(err, context.Canceled) {
		t.Errorf("canceled while another change is written: got %v", err)
	}
	d.stored["f"] = []byte("{")
	if _, _, err := Open(t.Context(), r.file, r.limits, d); err == nil || !strings.Contains(err.Error(), "function f was not written by this release") {
		t.Errorf("of a later release: got %v", err)
	}
}
