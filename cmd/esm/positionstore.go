package main

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"slices"

	"github.com/esm-run/esm"
	"github.com/esm-run/esm/checkpoint"
)

// store is what a DataDir keeps of streams, taken for this process: no engine runs on it meanwhile. A nil store is a
// DataDir that keeps nothing yet.
type store struct {
	*checkpoint.DB
	dir *dataDir
}

// openKept takes a DataDir and opens what it keeps of streams. Unless create says so nothing is made, and what is not
// there is nil.
func openKept(path string, create bool) (*store, error) {
	if !create && absent(path) {
		return nil, nil
	}
	dir, err := openDataDir(path)
	if err != nil {
		return nil, err
	}
	file := checkpointsPath(path)
	if !create && absent(file) {
		return nil, dir.Close()
	}
	db, err := checkpoint.Open(file)
	if err != nil {
		return nil, errors.Join(err, dir.Close())
	}
	return &store{db, dir}, nil
}

func absent(path string) bool {
	_, err := os.Stat(path)
	return errors.Is(err, fs.ErrNotExist)
}

// Close lets the next process have the DataDir.
func (k *store) Close() error {
	if k == nil {
		return nil
	}
	return errors.Join(k.DB.Close(), k.dir.Close())
}

// gone are the mappings of which something is kept, besides those of the file.
func (k *store) gone(ctx context.Context, file []followed) (gone []followed, err error) {
	if k == nil {
		return nil, nil
	}
	kept, err := k.Mappings(ctx)
	for _, id := range kept {
		if !slices.ContainsFunc(file, func(m followed) bool { return m.UUID == id }) {
			gone = append(gone, followed{Mapping: esm.Mapping{UUID: id}})
		}
	}
	return gone, err
}

// All is [esm.Checkpoints].All, also where nothing is kept.
func (k *store) All(ctx context.Context, mapping string) (map[string]esm.Checkpoint, error) {
	if k == nil {
		return nil, nil
	}
	return k.DB.All(ctx, mapping)
}
