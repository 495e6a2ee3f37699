// Package reservations holds the reserved concurrency of functions. It is the file's value until HTTP changes it. A change by
// HTTP applies until the value in the file changes.
package reservations

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"github.com/esm-run/esm"
	"github.com/esm-run/esm/api"
	"github.com/esm-run/esm/cmd/esm/configfile"
	"github.com/esm-run/esm/invoker"
)

// Reservations are the reservations of all functions. Its methods may be used concurrently.
type Reservations struct {
	file   *configfile.File
	limits *invoker.Limits
	db     esm.Documents
	turn   chan struct{} // holds a token while a change is written
}

var _ api.Concurrency = (*Reservations)(nil)

// kind is the kind of the documents, each stored under the name of its function.
const kind = "concurrency"

// reservation is the value that HTTP set, and the file's value at that time. Nil means that the function shares the pool.
type reservation struct{ File, HTTP *int }

// Open applies the reservations set by HTTP to limits, which have the file's values. The notes describe them for people.
func Open(
	ctx context.Context, file *configfile.File, limits *invoker.Limits, db esm.Documents,
) (r *Reservations, notes []string, err error) {
	r = &Reservations{file: file, limits: limits, db: db, turn: make(chan struct{}, 1)}
	kept, err := db.Documents(ctx, kind)
	if err != nil {
		return nil, nil, err
	}
	past := map[string][]byte{}
	for _, name := range slices.Sorted(maps.Keys(kept)) {
		var set reservation
		if err := json.Unmarshal(kept[name], &set); err != nil {
			return nil, nil, fmt.Errorf("the reservation of function %s was not written by this release: %w", name, err)
		}
		if fn := file.Function(name); fn == nil || !equal(fn.ReservedConcurrentExecutions, set.File) {
			past[name] = nil
			continue
		}
		limits.Set(name, set.HTTP)
		notes = append(notes, fmt.Sprintf("function %s: ReservedConcurrentExecutions was changed over HTTP, to %s: "+
			"that holds until its value in the file changes", name, title(set.HTTP)))
	}
	if len(past) > 0 {
		err = db.Write(ctx, kind, past)
	}
	return r, notes, err
}

func title(reserved *int) string {
	if reserved == nil {
		return "none"
	}
	return fmt.Sprint(*reserved)
}

func equal(a, b *int) bool { return a == b || a != nil && b != nil && *a == *b }

// Reserved implements [api.Concurrency].
func (r *Reservations) Reserved(function string) (n int, ok bool) { return r.limits.Reserved(function) }

// Unreserved implements [api.Concurrency].
func (r *Reservations) Unreserved() int { return r.file.Engine.Concurrency }

// Reserve implements [api.Concurrency].
func (r *Reservations) Reserve(ctx context.Context, function string, n *int) error {
	select {
	case r.turn <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { <-r.turn }()
	text, err := r.document(function, n)
	if err != nil {
		return err
	}
	ctx = context.WithoutCancel(ctx) // an interrupted write would have an unknown outcome
	err = r.db.Write(ctx, kind, map[string][]byte{function: text})
	if err != nil && !r.isStored(ctx, function, text) {
		return err
	}
	r.limits.Set(function, n)
	return nil
}

// document returns the document to store for n: nil if n is the file's value.
func (r *Reservations) document(function string, n *int) ([]byte, error) {
	fn := r.file.Function(function)
	if fn == nil {
		return nil, esm.ErrRefused
	}
	if equal(fn.ReservedConcurrentExecutions, n) {
		return nil, nil
	}
	return json.Marshal(reservation{fn.ReservedConcurrentExecutions, n})
}

// isStored reports whether a write that returned an error took effect.
func (r *Reservations) isStored(ctx context.Context, function string, text []byte) bool {
	kept, err := r.db.Documents(ctx, kind)
	return err == nil && bytes.Equal(kept[function], text)
}
