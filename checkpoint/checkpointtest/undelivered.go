package checkpointtest

import (
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"reflect"
	"sync"
	"testing"
	"time"

	"github.com/esm-run/esm"
	"github.com/esm-run/esm/checkpoint"
)

// Notices is a store of notices that no destination took.
type Notices interface {
	Keep(ctx context.Context, n esm.Notice, destination, reason string) error
	Undelivered(ctx context.Context) iter.Seq2[checkpoint.Undelivered, error]
	Drop(ctx context.Context, ids ...string) error
}

// RunUndelivered runs the suite of stores that keep notices. Each test opens a store of its own; restart ends it, and
// returns it as the next process finds it.
func RunUndelivered(t *testing.T, open func(t *testing.T) (store Notices, restart func() Notices)) {
	for name, test := range map[string]func(t *noticeTrial){
		"a notice is kept, field by field":       everyNoticeField,
		"the oldest comes first":                 oldestFirst,
		"kept again keeps its place":             keptAgain,
		"dropped is gone":                        dropped,
		"what comes and goes while one looks":    whileLooking,
		"keeping side by side":                   keepTogether,
		"a notice without an ID is refused":      withoutID,
		"an ended context keeps nothing":         endedKeepsNothing,
		"an iteration can be left in the middle": leftInTheMiddle,
	} {
		t.Run(name, func(t *testing.T) {
			store, restart := open(t)
			test(&noticeTrial{t, store, restart})
		})
	}
}

type noticeTrial struct {
	*testing.T
	store   Notices
	restart func() Notices
}

func (t *noticeTrial) keep(id string) {
	t.Helper()
	if err := t.store.Keep(t.Context(), esm.Notice{ID: id}, "arn", "reason"); err != nil {
		t.Fatalf("keep %q: %v", id, err)
	}
}

func (t *noticeTrial) all() (all []checkpoint.Undelivered) {
	t.Helper()
	for u, err := range t.store.Undelivered(t.Context()) {
		if err != nil {
			t.Fatalf("undelivered: %v", err)
		}
		all = append(all, u)
	}
	return all
}

// has expects these notices, in this order, now and after a restart.
func (t *noticeTrial) has(want ...string) {
	t.Helper()
	for _, when := range []string{"now", "after a restart"} {
		var got []string
		for _, u := range t.all() {
			got = append(got, u.Notice.ID)
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %q, want %q", when, got, want)
		}
		t.store = t.restart()
	}
}

func everyNoticeField(t *noticeTrial) {
	want := esm.Notice{
		ID: "id", Mapping: "mapping", Time: moment, RequestID: "request", FunctionArn: "arn:live",
		Condition: "RetryAttemptsExhausted", Invokes: 3,
		Response: &esm.NoticeResponse{Status: 200, Version: "7", Fault: "Unhandled"},
		Source:   "arn of a stream", Shard: "shard",
		First: esm.RecordMark{SequenceNumber: "1", Arrived: moment}, Last: esm.RecordMark{SequenceNumber: "2", Arrived: moment},
		Size:    5,
		Window:  &esm.NoticeWindow{Start: moment, End: moment, Final: true, Terminated: true},
		Payload: json.RawMessage(`{"Records": [ "<&>" ]}`),
	}
	before := time.Now()
	if err := t.store.Keep(t.Context(), want, "arn of a queue", "access denied"); err != nil {
		t.Fatal(err)
	}
	t.keep("bare")
	t.store = t.restart()
	all := t.all()
	if len(all) != 2 {
		t.Fatalf("%d notices, want 2", len(all))
	}
	u := all[0]
	if !reflect.DeepEqual(u.Notice, want) {
		t.Errorf("got  %+v\nwant %+v", u.Notice, want)
	}
	if u.Destination != "arn of a queue" || u.Reason != "access denied" || u.Kept.Before(before) || u.Kept.After(time.Now()) {
		t.Errorf("got %q, %q, %s", u.Destination, u.Reason, u.Kept)
	}
	if got := all[1].Notice; !reflect.DeepEqual(got, esm.Notice{ID: "bare"}) {
		t.Errorf("got %+v, want nothing but an ID", got)
	}
}

func oldestFirst(t *noticeTrial) {
	var want []string
	for i := range 300 {
		id := fmt.Sprint(999 - i)
		t.keep(id)
		want = append(want, id)
	}
	t.has(want...)
}

func keptAgain(t *noticeTrial) {
	t.keep("a")
	t.keep("b")
	if err := t.store.Keep(t.Context(), esm.Notice{ID: "a", Size: 2}, "another", "denied"); err != nil {
		t.Fatal(err)
	}
	t.has("a", "b")
	if u := t.all()[0]; u.Notice.Size != 2 || u.Destination != "another" || u.Reason != "denied" || u.Kept.After(t.all()[1].Kept) {
		t.Errorf("got %+v", u)
	}
}

func dropped(t *noticeTrial) {
	for _, id := range []string{"a", "b", "c", "d"} {
		t.keep(id)
	}
	for _, ids := range [][]string{{"b", "never seen", "b"}, {}, {"d"}} {
		if err := t.store.Drop(t.Context(), ids...); err != nil {
			t.Fatalf("drop %q: %v", ids, err)
		}
	}
	t.has("a", "c")
	t.keep("b")
	t.has("a", "c", "b")
}

// whileLooking resends, as it were: each notice is dropped as soon as it was seen.
func whileLooking(t *noticeTrial) {
	for _, id := range []string{"a", "b", "c"} {
		t.keep(id)
	}
	seen := ""
	for u, err := range t.store.Undelivered(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		seen += u.Notice.ID
		if err := t.store.Drop(t.Context(), u.Notice.ID); err != nil {
			t.Fatal(err)
		}
	}
	if seen != "abc" {
		t.Errorf("saw %q", seen)
	}
	t.has()
}

func keepTogether(t *noticeTrial) {
	const keepers = 50
	var all sync.WaitGroup
	for i := range keepers {
		all.Go(func() {
			if err := t.store.Keep(t.Context(), esm.Notice{ID: fmt.Sprint(i % (keepers / 2))}, "arn", "reason"); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if got, want := len(t.all()), keepers/2; got != want {
		t.Errorf("%d notices, want %d", got, want)
	}
}

func withoutID(t *noticeTrial) {
	if err := t.store.Keep(t.Context(), esm.Notice{}, "arn", "reason"); err == nil {
		t.Error("went well")
	}
	t.has()
}

func endedKeepsNothing(t *noticeTrial) {
	t.keep("a")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := t.store.Keep(ctx, esm.Notice{ID: "b"}, "arn", "reason"); err == nil {
		t.Error("keep went well")
	}
	if err := t.store.Drop(ctx, "a"); err == nil {
		t.Error("drop went well")
	}
	for _, err := range t.store.Undelivered(ctx) {
		if err == nil {
			t.Error("undelivered went well")
		}
	}
	t.has("a")
}

func leftInTheMiddle(t *noticeTrial) {
	t.keep("a")
	t.keep("b")
	for range t.store.Undelivered(t.Context()) {
		break
	}
	t.has("a", "b")
}
