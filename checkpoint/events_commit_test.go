package checkpoint

import (
	"context"
	"encoding/json"
	"errors"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	bolt "go.etcd.io/bbolt"
	bolterrors "go.etcd.io/bbolt/errors"

	"github.com/esm-run/esm"
)

func newQueue(t *testing.T) *EventQueue {
	t.Helper()
	return openQueue(t, filepath.Join(t.TempDir(), "events.db"))
}

// waitingEvents expects one function with a number of events that wait, and none that is taken.
func waitingEvents(t *testing.T, q *EventQueue, want int) {
	t.Helper()
	all, err := q.Backlogs(t.Context())
	if err != nil || len(all) != 1 || all[0].Waiting != want || all[0].Taken != 0 {
		t.Errorf("backlogs %+v (%v), want %d that wait", all, err, want)
	}
	listed := 0
	for _, err := range q.List(t.Context(), "") {
		if listed++; err != nil {
			t.Error(err)
		}
	}
	if listed != want {
		t.Errorf("%d are listed, want %d", listed, want)
	}
}

func TestAddsShareACommit(t *testing.T) {
	const adders = 100
	q := newQueue(t)
	before := q.file.lastTx(t)
	release := hold(t, q.file)
	var all sync.WaitGroup
	for range adders {
		all.Go(func() {
			if _, err := q.Add(t.Context(), esm.Event{Function: "f"}); err != nil {
				t.Errorf("add: %v", err)
			}
		})
	}
	untilWaiting(q.file, adders)
	if all, err := q.Backlogs(t.Context()); err != nil || len(all) != 0 {
		t.Errorf("backlogs before the commit: %+v (%v)", all, err)
	}
	release()
	all.Wait()
	if got, want := q.file.lastTx(t)-before, 2; got != want {
		t.Errorf("%d commits, want %d: the one held, and one for all adds", got, want)
	}
	waitingEvents(t, q, adders)
}

// An event that is taken and that nobody receives would stay taken until the next start.
func TestATakeInProgressIgnoresItsContext(t *testing.T) {
	q := newQueue(t)
	if _, err := q.Add(t.Context(), esm.Event{Function: "f"}); err != nil {
		t.Fatal(err)
	}
	release := hold(t, q.file)
	ctx, cancel := context.WithCancel(t.Context())
	var taking sync.WaitGroup
	taking.Go(func() {
		if taken, _, err := q.Take(ctx, "f", time.Now(), 1); err != nil || len(taken) != 1 {
			t.Errorf("took %d (%v), want 1", len(taken), err)
		}
	})
	untilWaiting(q.file, 1)
	cancel()
	release()
	taking.Wait()
}

func TestATakeOfNothingWritesNothing(t *testing.T) {
	q := newQueue(t)
	if _, err := q.Add(t.Context(), esm.Event{Function: "f", Due: time.Now().Add(time.Hour)}); err != nil {
		t.Fatal(err)
	}
	before := q.file.lastTx(t)
	for _, function := range []string{"f", "g"} {
		if taken, _, err := q.Take(t.Context(), function, time.Now(), 1); err != nil || len(taken) != 0 {
			t.Errorf("took %d (%v)", len(taken), err)
		}
	}
	if err := q.Recover(t.Context(), time.Now()); err != nil {
		t.Error(err)
	}
	if got := q.file.lastTx(t); got != before {
		t.Errorf("%d commits, want none", got-before)
	}
}

// A limit on the size of the file simulates a full disk on any machine.
func TestFullFileOfEvents(t *testing.T) {
	q := newQueue(t)
	if _, err := q.Add(t.Context(), esm.Event{Function: "f"}); err != nil {
		t.Fatal(err)
	}
	big := esm.Event{Function: "f", Payload: json.RawMessage(strings.Repeat("1", 200_000))}
	q.file.bolt.MaxSize = 64 << 10
	for range 3 {
		if _, err := q.Add(t.Context(), big); !errors.Is(err, bolterrors.ErrMaxSizeReached) {
			t.Fatalf("add: %v, want no room", err)
		}
		waitingEvents(t, q, 1)
	}
	if _, err := q.Add(t.Context(), esm.Event{Function: "f"}); err != nil {
		t.Errorf("an event that fits: %v", err)
	}
	waitingEvents(t, q, 2)
	q.file.bolt.MaxSize = 0
	if _, err := q.Add(t.Context(), big); err != nil {
		t.Errorf("when there is room again: %v", err)
	}
	waitingEvents(t, q, 3)
}

func TestAPanicEndsTheQueue(t *testing.T) {
	q := newQueue(t)
	if _, err := q.Add(t.Context(), esm.Event{Function: "f"}); err != nil {
		t.Fatal(err)
	}
	err := q.file.change(t.Context(), func(*bolt.Tx) error {
		q.moved.add("f", 1, 0)
		panic("page 7 is no page")
	})
	if !errors.Is(err, ErrDamaged) || !strings.Contains(err.Error(), "the file of events") {
		t.Errorf("got %v, want ErrDamaged in words for events", err)
	}
	if _, err := q.Add(t.Context(), esm.Event{Function: "f"}); !errors.Is(err, ErrDamaged) || !strings.Contains(err.Error(), q.file.path) {
		t.Errorf("the next add: %v, want ErrDamaged with the path", err)
	}
	if len(q.counts) != 1 || q.counts["f"].waiting != 1 {
		t.Errorf("counts %+v, want one that waits", q.counts)
	}
}

func TestAClosedQueue(t *testing.T) {
	q := newQueue(t)
	if err := q.Close(); err != nil {
		t.Fatal(err)
	}
	_, adding := q.Add(t.Context(), esm.Event{})
	_, reading := q.Backlogs(t.Context())
	_, _, taking := q.Take(t.Context(), "", time.Now(), 1)
	_, removing := q.Remove(t.Context(), 1)
	_, hastening := q.Hasten(t.Context(), time.Now(), 1)
	var listing, owing error
	for _, listing = range q.List(t.Context(), "") {
	}
	for _, owing = range q.Owed(t.Context()) {
	}
	for name, err := range map[string]error{
		"add": adding, "backlogs": reading, "take": taking, "remove": removing, "hasten": hastening, "list": listing, "owed": owing,
		"return": q.Return(t.Context(), esm.Event{}), "finish": q.Finish(t.Context(), 1),
		"recover": q.Recover(t.Context(), time.Now()), "settle": q.Settle(t.Context(), "n"),
	} {
		if !errors.Is(err, ErrClosed) || !strings.Contains(err.Error(), q.file.path) {
			t.Errorf("%s: %v, want ErrClosed with the path", name, err)
		}
	}
	if err := q.Close(); err != nil {
		t.Errorf("the second Close: %v", err)
	}
}
