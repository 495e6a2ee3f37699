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

// keeper is a store of one kind. Its faults say what becomes of writes: undone or done, with an error.
type keeper struct {
	mu           sync.Mutex
	kept         map[string][]byte
	undone, done error
}

func (d *keeper) Documents(context.Context, string) (map[string][]byte, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return maps.Clone(d.kept), nil
}

func (d *keeper) Write(_ context.Context, _ string, changes map[string][]byte) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.undone != nil {
		return d.undone
	}
	for id, text := range changes {
		if text == nil {
			delete(d.kept, id)
			continue
		}
		d.kept[id] = bytes.Clone(text)
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

// reserving opens reservations as an engine does at its start.
func reserving(t *testing.T, file *configfile.File, d *keeper) (*Reservations, []string) {
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

func TestReservationsOutlastTheEngine(t *testing.T) {
	for _, c := range []struct {
		name             string
		before, set, now *int
		vanished         bool
		want             string
		kept             int
	}{
		{name: "set over HTTP", set: new(3), want: "3", kept: 1},
		{name: "taken away over HTTP", before: new(2), now: new(2), want: "none", kept: 1},
		{name: "none at all over HTTP", before: new(2), set: new(0), now: new(2), want: "0", kept: 1},
		{name: "changed in the file since", before: new(2), set: new(3), now: new(4), want: "4"},
		{name: "taken out of the file since", before: new(2), set: new(3), want: "none"},
		{name: "put into the file since", set: new(3), now: new(1), want: "1"},
		{name: "as the file says", before: new(2), set: new(2), now: new(2), want: "2"},
		{name: "of a function that has vanished", set: new(3), vanished: true, want: "none"},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := &keeper{kept: map[string][]byte{}}
			first, _ := reserving(t, fileReserving(map[string]*int{"f": c.before}), d)
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
			next, notes := reserving(t, file, d)
			if got := reservedFor(next, "f"); got != c.want || len(d.kept) != c.kept || len(notes) != c.kept {
				t.Errorf("after a start: got %s, %d kept, said %q, want %s, %d", got, len(d.kept), notes, c.want, c.kept)
			}
		})
	}
}

// What is told is what holds, now and at the next start.
func TestReservationsOfAStoreThatFails(t *testing.T) {
	fault := errors.New("no space left on device")
	for _, c := range []struct {
		name         string
		undone, done error
		err          error
		want         string
	}{
		{"undone", fault, nil, fault, "none"},
		{"done all the same", nil, fault, nil, "3"},
	} {
		t.Run(c.name, func(t *testing.T) {
			file, d := fileReserving(map[string]*int{"f": nil}), &keeper{kept: map[string][]byte{}, undone: c.undone, done: c.done}
			r, _ := reserving(t, file, d)
			if err := r.Reserve(t.Context(), "f", new(3)); !errors.Is(err, c.err) {
				t.Errorf("got %v, want %v", err, c.err)
			}
			next, _ := reserving(t, file, d)
			if now, then := reservedFor(r, "f"), reservedFor(next, "f"); now != c.want || then != c.want {
				t.Errorf("got %s now and %s after a start, want %s", now, then, c.want)
			}
		})
	}
}

func TestReservationsOfManyAtOnce(t *testing.T) {
	file, d := fileReserving(map[string]*int{"f": nil}), &keeper{kept: map[string][]byte{}}
	r, _ := reserving(t, file, d)
	var callers sync.WaitGroup
	for n := range 20 {
		callers.Go(func() {
			if err := r.Reserve(t.Context(), "f", &n); err != nil {
				t.Error(err)
			}
		})
	}
	callers.Wait()
	next, _ := reserving(t, file, d)
	if now, then := reservedFor(r, "f"), reservedFor(next, "f"); now != then {
		t.Errorf("%s is reserved, and %s after a start", now, then)
	}
}

func TestReservationsRefused(t *testing.T) {
	d := &keeper{kept: map[string][]byte{}}
	r, _ := reserving(t, fileReserving(map[string]*int{"f": nil}), d)
	if err := r.Reserve(t.Context(), "g", new(3)); err == nil || len(d.kept) != 0 {
		t.Errorf("of no function: got %v, kept %q", err, d.kept)
	}
	gone, leave := context.WithCancel(t.Context())
	leave()
	r.turn <- struct{}{}
	if err := r.Reserve(gone, "f", new(3)); !errors.Is(err, context.Canceled) {
		t.Errorf("given up behind another: got %v", err)
	}
	d.kept["f"] = []byte("{")
	if _, _, err := Open(t.Context(), r.file, r.limits, d); err == nil || !strings.Contains(err.Error(), "function f was not written by this release") {
		t.Errorf("of a later release: got %v", err)
	}
}
