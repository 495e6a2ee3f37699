package checkpoint_test

import (
	"path/filepath"
	"testing"

	"github.com/esm-run/esm"
	"github.com/esm-run/esm/checkpoint"
	"github.com/esm-run/esm/checkpoint/checkpointtest"
)

func eventsPath(t *testing.T) string { return filepath.Join(t.TempDir(), "data", "events.db") }

// openEvents opens a queue that is closed, and checked as a whole, when the test is over.
func openEvents(t *testing.T, path string) *checkpoint.EventQueue {
	t.Helper()
	q, err := checkpoint.OpenEvents(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := q.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
		check(t, path)
	})
	return q
}

func TestEventQueue(t *testing.T) {
	checkpointtest.RunEvents(t, func(t *testing.T) (esm.Events, func() esm.Events) {
		path := eventsPath(t)
		q := openEvents(t, path)
		return q, func() esm.Events {
			if err := q.Close(); err != nil {
				t.Errorf("close: %v", err)
			}
			check(t, path)
			q = openEvents(t, path)
			return q
		}
	})
}
