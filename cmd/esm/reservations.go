package main

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
	"github.com/esm-run/esm/mappings"
)

// reservations are what is reserved for functions: what the file says, until HTTP changes it; and that holds until the
// file's own value changes.
type reservations struct {
	file   *configfile.File
	limits *invoker.Limits
	db     mappings.Store
	turn   chan struct{} // holds one token: who has it changes
}

var _ api.Concurrency = (*reservations)(nil)

// reservationsKind is that of the documents, each under the name of its function.
const reservationsKind = "concurrency"

// reservation is what HTTP has set, and what the file said then. Nil shares the pool.
type reservation struct{ File, HTTP *int }

// openReservations applies what HTTP has set to limits, which are as the file says. Notes are for people.
func openReservations(ctx context.Context, file *configfile.File, limits *invoker.Limits, db mappings.Store) (r *reservations, notes []string, err error) {
	r = &reservations{file: file, limits: limits, db: db, turn: make(chan struct{}, 1)}
	kept, err := db.Documents(ctx, reservationsKind)
	if err != nil {
		return nil, nil, err
	}
	past := map[string][]byte{}
	for _, name := range slices.Sorted(maps.Keys(kept)) {
		var set reservation
		if err := json.Unmarshal(kept[name], &set); err != nil {
			return nil, nil, fmt.Errorf("what is reserved for function %s: not written by this release: %w", name, err)
		}
		if fn := file.Function(name); fn == nil || !equal(fn.ReservedConcurrentExecutions, set.File) {
			past[name] = nil
			continue
		}
		limits.Set(name, set.HTTP)
		notes = append(notes, fmt.Sprintf("function %s: ReservedConcurrentExecutions was changed over HTTP, to %s: "+
			"that holds until its value in the file changes", name, reservedTitle(set.HTTP)))
	}
	if len(past) > 0 {
		err = db.Write(ctx, reservationsKind, past)
	}
	return r, notes, err
}

func reservedTitle(reserved *int) string {
	if reserved == nil {
		return "none"
	}
	return fmt.Sprint(*reserved)
}

func equal(a, b *int) bool { return a == b || a != nil && b != nil && *a == *b }

// Reserved is [api.Concurrency].Reserved.
func (r *reservations) Reserved(function string) (n int, ok bool) { return r.limits.Reserved(function) }

// Unreserved is [api.Concurrency].Unreserved.
func (r *reservations) Unreserved() int { return r.file.Engine.Concurrency }

// Reserve is [api.Concurrency].Reserve.
func (r *reservations) Reserve(ctx context.Context, function string, n *int) error {
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
	ctx = context.WithoutCancel(ctx) // or nobody knows what came of it
	err = r.db.Write(ctx, reservationsKind, map[string][]byte{function: text})
	if err != nil && !r.isKept(ctx, function, text) {
		return err
	}
	r.limits.Set(function, n)
	return nil
}

// document is what is kept of n: nothing if the file says the same.
func (r *reservations) document(function string, n *int) ([]byte, error) {
	fn := r.file.Function(function)
	if fn == nil {
		return nil, esm.ErrRefused
	}
	if equal(fn.ReservedConcurrentExecutions, n) {
		return nil, nil
	}
	return json.Marshal(reservation{fn.ReservedConcurrentExecutions, n})
}

// isKept says whether what could not be told to be durable holds at the next start all the same.
func (r *reservations) isKept(ctx context.Context, function string, text []byte) bool {
	kept, err := r.db.Documents(ctx, reservationsKind)
	return err == nil && bytes.Equal(kept[function], text)
}
