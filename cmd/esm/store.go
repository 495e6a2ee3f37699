package main

import (
	"path/filepath"

	"github.com/esm-run/esm"
	"github.com/esm-run/esm/checkpoint"
)

// openStore opens what an engine keeps in its DataDir. Another kind of store would be another case here.
func openStore(dataDir string) (esm.Store, error) {
	db, err := checkpoint.Open(checkpointsPath(dataDir))
	if err != nil {
		return nil, err
	}
	return db, nil
}

// checkpointsPath returns the path of the file of positions and notices.
func checkpointsPath(dataDir string) string { return filepath.Join(dataDir, "checkpoints.db") }
