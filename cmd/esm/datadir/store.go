package datadir

import (
	"context"
	"errors"
	"io/fs"
	"iter"
	"os"
	"slices"

	"github.com/esm-run/esm"
	"github.com/esm-run/esm/cmd/esm/configfile"
	"github.com/esm-run/esm/cmd/esm/wiring"
	"github.com/esm-run/esm/config"
	"github.com/esm-run/esm/mappings"
)

// Store is the store of a data directory, locked by this process: no engine runs on it. A nil Store is a data directory
// that has none yet; it can be read.
type Store struct {
	esm.Store
	dir *Dir
}

// OpenStore locks the data directory at path and opens its store. If there is none, it is created if create is true, and the
// Store is nil otherwise.
func OpenStore(path string, create bool) (*Store, error) {
	if !create && absent(path) {
		return nil, nil
	}
	dir, err := Open(path)
	if err != nil {
		return nil, err
	}
	if !create && absent(wiring.StorePath(path)) {
		return nil, dir.Close()
	}
	opened, err := wiring.OpenStore(path)
	if err != nil {
		return nil, errors.Join(err, dir.Close())
	}
	return &Store{opened, dir}, nil
}

func absent(path string) bool {
	_, err := os.Stat(path)
	return errors.Is(err, fs.ErrNotExist)
}

// Close closes the store and releases the lock.
func (s *Store) Close() error {
	if s == nil {
		return nil
	}
	return errors.Join(s.Store.Close(), s.dir.Close())
}

// Mappings returns the mappings that an engine started now with file would have.
func (s *Store) Mappings(ctx context.Context, file *configfile.File) (known []Mapping, err error) {
	all, err := mappings.Read(ctx, file.Mappings, s, func(m config.Mapping) string { return wiring.FunctionARN(file, m) })
	for _, m := range all {
		known = append(known, Mapping(m))
	}
	return known, err
}

// Removed returns the mappings other than known that have checkpoints in the store.
func (s *Store) Removed(ctx context.Context, known []Mapping) (gone []Mapping, err error) {
	if s == nil {
		return nil, nil
	}
	kept, err := s.Store.Mappings(ctx)
	for _, id := range kept {
		if !slices.ContainsFunc(known, func(m Mapping) bool { return m.UUID == id }) {
			gone = append(gone, Removed(id))
		}
	}
	return gone, err
}

// Documents implements [esm.Documents]; a nil Store has none.
func (s *Store) Documents(ctx context.Context, kind string) (map[string][]byte, error) {
	if s == nil {
		return nil, nil
	}
	return s.Store.Documents(ctx, kind)
}

// All implements [esm.Checkpoints]; a nil Store has none.
func (s *Store) All(ctx context.Context, mapping string) (map[string]esm.Checkpoint, error) {
	if s == nil {
		return nil, nil
	}
	return s.Store.All(ctx, mapping)
}

// Undelivered returns the undelivered notices, oldest first; a nil Store has none.
func (s *Store) Undelivered(ctx context.Context) iter.Seq2[esm.UndeliveredNotice, error] {
	if s == nil {
		return func(func(esm.UndeliveredNotice, error) bool) {}
	}
	return s.Store.Undelivered(ctx)
}
