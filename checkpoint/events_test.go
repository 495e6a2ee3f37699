package checkpoint_test

import (
	"path/filepath"
	"testing"
	"testing/synctest"

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

// A queue may be opened inside a synctest bubble or outside, and used in both.
func TestAQueueInABubble(t *testing.T) {
	outside := openEvents(t, eventsPath(t))
	add := func(t *testing.T, q *checkpoint.EventQueue) {
		if _, err := q.Add(t.Context(), esm.Event{Function: "f"}); err != nil {
			t.Errorf("add: %v", err)
		}
	}
	synctest.Test(t, func(t *testing.T) {
		add(t, openEvents(t, eventsPath(t)))
		add(t, outside)
	})
	add(t, outside)
}
