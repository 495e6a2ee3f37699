package wiring

import (
	"path/filepath"

	"github.com/esm-run/esm"
	"github.com/esm-run/esm/checkpoint"
)

// OpenEvents opens the queue of asynchronous events of a data directory, which is created if it does not exist.
func OpenEvents(dataDir string) (esm.Events, error) {
	q, err := checkpoint.OpenEvents(EventsPath(dataDir))
	if err != nil {
		return nil, err
	}
	return q, nil
}

// EventsPath returns the path of the queue of asynchronous events in a data directory.
func EventsPath(dataDir string) string { return filepath.Join(dataDir, "events.db") }
