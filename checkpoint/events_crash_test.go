package checkpoint_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/esm-run/esm"
	"github.com/esm-run/esm/checkpoint"
)

// eventsChildVariable gives the child process of TestKilledQueue the path of its queue.
const eventsChildVariable = "ESM_TEST_EVENTS_CHILD"

var crashFunctions = []string{"f", "g"}

// queueUntilKilled adds, takes, returns, finishes and settles, each in goroutines of its own, and prints each effect once
// it is made. An event's notice has the event's ID.
func queueUntilKilled(path string) error {
	q, err := checkpoint.OpenEvents(path)
	if err != nil {
		return err
	}
	ctx := context.Background()
	if err := q.Recover(ctx, time.Now()); err != nil {
		return err
	}
	var all sync.WaitGroup
	for i, function := range crashFunctions {
		for adder := range 3 {
			all.Go(func() {
				for n := 0; ; n++ {
					id := fmt.Sprintf("%d/%d/%d/%d", os.Getpid(), i, adder, n)
					if _, err := q.Add(ctx, esm.Event{ID: id, Function: function, Accepted: time.Now(), Due: time.Now()}); err != nil {
						return
					}
					fmt.Println("add", id)
				}
			})
		}
		all.Go(func() {
			for {
				taken, _, err := q.Take(ctx, function, time.Now(), 4)
				if err != nil {
					return
				}
				for _, e := range taken {
					fmt.Println("take", e.ID)
				}
				for _, e := range taken {
					if endTry(ctx, q, e) != nil {
						return
					}
				}
			}
		})
	}
	all.Wait()
	return fmt.Errorf("a change failed")
}

// endTry returns an event the first time, then finishes it and settles its notice.
func endTry(ctx context.Context, q esm.Events, e esm.Event) error {
	if e.Tries++; e.Tries == 1 {
		e.Due = time.Now()
		err := q.Return(ctx, e)
		fmt.Println("return", e.ID)
		return err
	}
	if err := q.Finish(ctx, e.Place, esm.OwedNotice{Notice: esm.Notice{ID: e.ID}, Destination: "arn"}); err != nil {
		return err
	}
	fmt.Println("finish", e.ID)
	if staysOwed(e.ID) {
		return nil
	}
	if err := q.Settle(ctx, e.ID); err != nil {
		return err
	}
	fmt.Println("settle", e.ID)
	return nil
}

// TestKilledQueue kills a process that uses a queue repeatedly, and checks that every effect that it reported is there, and
// that each event is in one place.
func TestKilledQueue(t *testing.T) {
	const kills = 20
	path := eventsPath(t)
	seed := rand.Uint64()
	dice := rand.New(rand.NewPCG(seed, 0))
	last := map[string]string{} // effect by event
	for kill := range kills {
		for _, line := range runAndKill(t, eventsChildVariable, path, 1+dice.IntN(200)) {
			effect, id, _ := strings.Cut(line, " ")
			last[id] = further(last[id], effect)
		}
		checkEffects(t, path, last)
		check(t, path)
		if t.Failed() {
			t.Fatalf("seed %d, kill %d", seed, kill)
		}
	}
	seen := map[string]bool{}
	for _, effect := range last {
		seen[effect] = true
	}
	if !seen["finish"] || !seen["settle"] {
		t.Errorf("seed %d: only the effects %v were seen", seed, seen)
	}
}

// effects are those of an event, in their order. It may be taken before its add is reported, and again after its return.
var effects = []string{"", "add", "take", "return", "finish", "settle"}

// further returns the one of two effects that comes later.
func further(a, b string) string {
	for _, effect := range effects {
		if a == effect {
			return b
		}
		if b == effect {
			return a
		}
	}
	return a
}

// checkEffects expects the last reported effect of each event, or the next one, of which the report may be missing.
func checkEffects(t *testing.T, path string, last map[string]string) {
	t.Helper()
	q, err := checkpoint.OpenEvents(path)
	if err != nil {
		t.Fatal(err)
	}
	defer q.Close()
	if err := q.Recover(t.Context(), time.Now()); err != nil {
		t.Fatal(err)
	}
	waiting := map[string]esm.Event{}
	for e, err := range q.List(t.Context(), "") {
		if err != nil {
			t.Fatal(err)
		}
		waiting[e.ID] = e
	}
	owed := map[string]bool{}
	for o, err := range q.Owed(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		owed[o.Notice.ID] = true
	}
	for id, effect := range last {
		e, waits := waiting[id]
		good := !waits || !owed[id]
		switch effect {
		case "add":
			good = good && waits
		case "take":
			good = good && (waits || owed[id])
		case "return":
			good = good && (waits && e.Tries == 1 || owed[id])
		case "finish":
			good = good && !waits && (owed[id] || !staysOwed(id))
		case "settle":
			good = good && !waits && !owed[id]
		}
		if !good {
			t.Errorf("%s after %s: it waits: %v, is owed: %v, has %d tries", id, effect, waits, owed[id], e.Tries)
		}
	}
}

// staysOwed selects notices that are never settled.
func staysOwed(id string) bool { return strings.HasSuffix(id, "7") }
