package main

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/esm-run/esm"
	"github.com/esm-run/esm/api"
	"github.com/esm-run/esm/checkpoint"
	"github.com/esm-run/esm/cmd/esm/config"
	"github.com/esm-run/esm/invoker"
)

// reservations are what is reserved for functions: what the file says, until HTTP changes it; and that holds until the
// file's own value changes.
type reservations struct {
	file   *config.File
	limits *invoker.Limits
	db     *checkpoint.DB
	turn   chan struct{} // holds one token: who has it changes
}

var _ api.Concurrency = (*reservations)(nil)

// reservationsKind is that of the documents, each under the name of its function.
const reservationsKind = "concurrency"

// reservation is what HTTP has set, and what the file said then. Nil shares the pool.
type reservation struct{ File, HTTP *int }

// openReservations applies what HTTP has set to limits, which are as the file says.
func openReservations(ctx context.Context, file *config.File, limits *invoker.Limits, db *checkpoint.DB) (*reservations, error) {
	r := &reservations{file: file, limits: limits, db: db, turn: make(chan struct{}, 1)}
	kept, err := db.Documents(ctx, reservationsKind)
	if err != nil {
		return nil, err
	}
	past := map[string][]byte{}
	for name, text := range kept {
		var set reservation
		if err := json.Unmarshal(text, &set); err != nil {
			return nil, fmt.Errorf("what is reserved for function %s: not written by this release: %w", name, err)
		}
		if fn := file.Function(name); fn == nil || !equal(fn.ReservedConcurrentExecutions, set.File) {
			past[name] = nil
			continue
		}
		limits.Set(name, set.HTTP)
	}
	if len(past) > 0 {
		return r, db.Write(ctx, reservationsKind, past)
	}
	return r, nil
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
	if err := r.db.Write(ctx, reservationsKind, map[string][]byte{function: text}); err != nil {
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
