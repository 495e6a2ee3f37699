package datadir

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"slices"

	"github.com/esm-run/esm"
	"github.com/esm-run/esm/cmd/esm/configfile"
	"github.com/esm-run/esm/cmd/esm/wiring"
	"github.com/esm-run/esm/config"
	"github.com/esm-run/esm/mappings"
)

// Store is the store of a data directory, locked by this process: no engine runs on it.
type Store struct {
	esm.Store
	dir *Dir // nil for an empty Store
}

// Empty returns the Store of a data directory that has none yet. It contains nothing and refuses to store anything.
func Empty() *Store { return &Store{Store: empty{}} }

// OpenStore locks the data directory at path and opens its store. It returns [Empty] if there is none, and creates nothing.
func OpenStore(path string) (*Store, error) {
	if absent(path) {
		return Empty(), nil
	}
	dir, err := Open(path)
	if err != nil {
		return nil, err
	}
	if absent(wiring.StorePath(path)) {
		return Empty(), dir.Close()
	}
	return open(path, dir)
}

// CreateStore locks the data directory at path and opens its store. Both are created if they do not exist.
func CreateStore(path string) (*Store, error) {
	dir, err := Open(path)
	if err != nil {
		return nil, err
	}
	return open(path, dir)
}

func open(path string, dir *Dir) (*Store, error) {
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
	err := s.Store.Close()
	if s.dir != nil {
		err = errors.Join(err, s.dir.Close())
	}
	return err
}

// IsEmpty reports whether the data directory has no store.
func (s *Store) IsEmpty() bool { return s.Store == empty{} }

// KnownMappings returns the mappings that an engine started now with file would have.
func (s *Store) KnownMappings(ctx context.Context, file *configfile.File) (known []Mapping, err error) {
	all, err := mappings.Read(ctx, file.Mappings, s, func(m config.Mapping) string { return wiring.FunctionARN(file, m) })
	for _, m := range all {
		known = append(known, Mapping(m))
	}
	return known, err
}

// RemovedMappings returns the mappings other than known that have checkpoints in the store.
func (s *Store) RemovedMappings(ctx context.Context, known []Mapping) (gone []Mapping, err error) {
	kept, err := s.Mappings(ctx)
	for _, id := range kept {
		if !slices.ContainsFunc(known, func(m Mapping) bool { return m.UUID == id }) {
			gone = append(gone, RemovedMapping(id))
		}
	}
	return gone, err
}
