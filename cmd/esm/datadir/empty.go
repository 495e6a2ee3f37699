package datadir

import (
	"context"
	"errors"
	"iter"

	"github.com/esm-run/esm"
)

// errEmpty is returned for writes to a store that does not exist.
var errEmpty = errors.New("the data directory has no store")

// empty is an [esm.Store] that contains nothing and refuses to store anything.
type empty struct{}

var _ esm.Store = empty{}

// All implements [esm.Checkpoints].
func (empty) All(context.Context, string) (map[string]esm.Checkpoint, error) { return nil, nil }

// Save implements [esm.Checkpoints].
func (empty) Save(context.Context, esm.Key, esm.Checkpoint) (esm.Checkpoint, error) {
	return esm.Checkpoint{}, errEmpty
}

// Forget implements [esm.Checkpoints]: there is nothing to forget.
func (empty) Forget(context.Context, ...esm.Key) error { return nil }

// Keep implements [esm.Undelivered].
func (empty) Keep(context.Context, esm.Notice, string, string) error { return errEmpty }

// Undelivered implements [esm.Undelivered].
func (empty) Undelivered(context.Context) iter.Seq2[esm.UndeliveredNotice, error] {
	return func(func(esm.UndeliveredNotice, error) bool) {}
}

// Drop implements [esm.Undelivered]: there is nothing to drop.
func (empty) Drop(context.Context, ...string) error { return nil }

// Documents implements [esm.Documents].
func (empty) Documents(context.Context, string) (map[string][]byte, error) { return nil, nil }

// Write implements [esm.Documents].
func (empty) Write(context.Context, string, map[string][]byte) error { return errEmpty }

// Mappings implements [esm.Store].
func (empty) Mappings(context.Context) ([]string, error) { return nil, nil }

// Close implements [esm.Store].
func (empty) Close() error { return nil }
