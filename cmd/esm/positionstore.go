package main

import (
	"context"
	"errors"
	"github.com/esm-run/esm/cmd/esm/wiring"
	"github.com/esm-run/esm/config"
	"io/fs"
	"os"
	"slices"

	"github.com/esm-run/esm"
	"github.com/esm-run/esm/checkpoint"
	"github.com/esm-run/esm/cmd/esm/configfile"
	"github.com/esm-run/esm/mappings"
)

// store is what a DataDir keeps of mappings, taken for this process: no engine runs on it meanwhile. A nil store is a
// DataDir that keeps nothing yet.
type store struct {
	*checkpoint.DB
	dir *dataDir
}

// openKept takes a DataDir and opens what it keeps of mappings. Unless create says so nothing is made, and what is not
// there is nil.
func openKept(path string, create bool) (*store, error) {
	if !create && absent(path) {
		return nil, nil
	}
	dir, err := openDataDir(path)
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

// known are the mappings that an engine of a file would have if it were started now.
func (k *store) known(ctx context.Context, file *configfile.File) (known []followed, err error) {
	all, err := mappings.Read(ctx, file.Mappings, k, func(m config.Mapping) string { return wiring.FunctionARN(file, m) })
	for _, m := range all {
		known = append(known, followed(m))
	}
	return known, err
}

// removed are the mappings of which positions are kept, besides those that are known.
func (k *store) removed(ctx context.Context, known []followed) (gone []followed, err error) {
	if k == nil {
		return nil, nil
	}
	kept, err := k.Mappings(ctx)
	for _, id := range kept {
		if !slices.ContainsFunc(known, func(m followed) bool { return m.UUID == id }) {
			gone = append(gone, removed(id))
		}
	}
	return gone, err
}

// Documents is [mappings.Reader].Documents, also where nothing is kept.
func (k *store) Documents(ctx context.Context, kind string) (map[string][]byte, error) {
	if k == nil {
		return nil, nil
	}
	return k.DB.Documents(ctx, kind)
}

// All is [esm.Checkpoints].All, also where nothing is kept.
func (k *store) All(ctx context.Context, mapping string) (map[string]esm.Checkpoint, error) {
	if k == nil {
		return nil, nil
	}
	return k.DB.All(ctx, mapping)
}
