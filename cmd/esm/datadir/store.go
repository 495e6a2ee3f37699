package datadir

import (
	"context"
	"errors"
	"io/fs"
	"iter"
	"os"
	"slices"

	"github.com/esm-run/esm/cmd/esm/wiring"
	"github.com/esm-run/esm/config"

	"github.com/esm-run/esm"
	"github.com/esm-run/esm/checkpoint"
	"github.com/esm-run/esm/cmd/esm/configfile"
	"github.com/esm-run/esm/mappings"
)

// Store is the store of a data directory, locked by this process: no engine runs on it. A nil Store is a data directory
// that has none yet; it can be read.
type Store struct {
	*checkpoint.DB
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
	file := wiring.StorePath(path)
	if !create && absent(file) {
		return nil, dir.Close()
	}
	db, err := checkpoint.Open(file)
	if err != nil {
		return nil, errors.Join(err, dir.Close())
	}
	return &Store{db, dir}, nil
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
	return errors.Join(s.DB.Close(), s.dir.Close())
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
	kept, err := s.DB.Mappings(ctx)
	for _, id := range kept {
		if !slices.ContainsFunc(known, func(m Mapping) bool { return m.UUID == id }) {
			gone = append(gone, Removed(id))
		}
	}
	return gone, err
}

// Documents is [mappings.Reader].Documents; a nil Store has none.
func (s *Store) Documents(ctx context.Context, kind string) (map[string][]byte, error) {
	if s == nil {
		return nil, nil
	}
	return s.DB.Documents(ctx, kind)
}

// All is [esm.Checkpoints].All; a nil Store has none.
func (s *Store) All(ctx context.Context, mapping string) (map[string]esm.Checkpoint, error) {
	if s == nil {
		return nil, nil
	}
	return s.DB.All(ctx, mapping)
}

// Undelivered returns the undelivered notices, oldest first; a nil Store has none.
func (s *Store) Undelivered(ctx context.Context) iter.Seq2[checkpoint.Undelivered, error] {
	if s == nil {
		return func(func(checkpoint.Undelivered, error) bool) {}
	}
	return s.DB.Undelivered(ctx)
}
