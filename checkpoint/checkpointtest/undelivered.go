package checkpointtest

import (
	"encoding/json"
	"fmt"
	"reflect"
	"sync"
	"time"

	"github.com/esm-run/esm"
)

func (t *trial) keep(id string) {
	t.Helper()
	if err := t.store.Keep(t.Context(), esm.Notice{ID: id}, "arn", "reason"); err != nil {
		t.Fatalf("keep %q: %v", id, err)
	}
}

func (t *trial) drop(ids ...string) {
	t.Helper()
	if err := t.store.Drop(t.Context(), ids...); err != nil {
		t.Fatalf("drop %q: %v", ids, err)
	}
}

func (t *trial) notices() (all []esm.UndeliveredNotice) {
	t.Helper()
	for u, err := range t.store.Undelivered(t.Context()) {
		if err != nil {
			t.Fatalf("undelivered: %v", err)
		}
		all = append(all, u)
	}
	return all
}

// hasNotices expects exactly these notices, in this order, now and after a restart.
func (t *trial) hasNotices(want ...string) {
	t.Helper()
	t.twice(func(when string) {
		var got []string
		for _, u := range t.notices() {
			got = append(got, u.Notice.ID)
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %q, want %q", when, got, want)
		}
	})
}

func everyNoticeField(t *trial) {
	want := esm.Notice{
		ID: "id", Mapping: "mapping", Time: moment, RequestID: "request", FunctionArn: "arn:live",
		Condition: "RetryAttemptsExhausted", Invokes: 3,
		Response: &esm.NoticeResponse{Status: 200, Version: "7", Fault: "Unhandled"},
		Stream: &esm.StreamBatch{
			Source: "arn of a stream", Shard: "shard", Size: 5,
			First:  esm.RecordMark{SequenceNumber: "1", Arrived: moment},
			Last:   esm.RecordMark{SequenceNumber: "2", Arrived: moment},
			Window: &esm.NoticeWindow{Start: moment, End: moment, Final: true, Terminated: true},
		},
		Payload: json.RawMessage(`{"Records": [ "<&>" ]}`),
	}
	before := time.Now()
	if err := t.store.Keep(t.Context(), want, "arn of a queue", "access denied"); err != nil {
		t.Fatal(err)
	}
	t.keep("bare")
	ofAnEvent := fullOwed().Notice
	ofAnEvent.ID = "of an event"
	if err := t.store.Keep(t.Context(), ofAnEvent, "arn of a bus", "no such bus"); err != nil {
		t.Fatal(err)
	}
	t.twice(func(string) {
		all := t.notices()
		if len(all) != 3 || !reflect.DeepEqual(all[0].Notice, want) || !reflect.DeepEqual(all[1].Notice, esm.Notice{ID: "bare"}) ||
			!reflect.DeepEqual(all[2].Notice, ofAnEvent) {
			t.Fatalf("got  %+v\nwant %+v\none with an ID alone, and %+v", all, want, ofAnEvent)
		}
		if u := all[0]; u.Destination != "arn of a queue" || u.Reason != "access denied" || u.Kept.Before(before) || u.Kept.After(time.Now()) {
			t.Errorf("got %q, %q, %s", u.Destination, u.Reason, u.Kept)
		}
	})
}

func oldestFirst(t *trial) {
	var want []string
	for i := range 300 {
		id := fmt.Sprint(999 - i)
		t.keep(id)
		want = append(want, id)
	}
	t.hasNotices(want...)
}

func keptAgain(t *trial) {
	t.keep("a")
	t.keep("b")
	if err := t.store.Keep(t.Context(), esm.Notice{ID: "a", Invokes: 2}, "another", "denied"); err != nil {
		t.Fatal(err)
	}
	t.hasNotices("a", "b")
	if u := t.notices()[0]; u.Notice.Invokes != 2 || u.Destination != "another" || u.Reason != "denied" || u.Kept.After(t.notices()[1].Kept) {
		t.Errorf("got %+v", u)
	}
}

func dropped(t *trial) {
	for _, id := range []string{"a", "b", "c", "d"} {
		t.keep(id)
	}
	t.drop("b", "unknown", "b")
	t.drop()
	t.drop("d")
	t.hasNotices("a", "c")
	t.keep("b")
	t.hasNotices("a", "c", "b")
}

// dropWhileListed drops each notice as soon as it is seen, as resending does, and stops before the last.
func dropWhileListed(t *trial) {
	for _, id := range []string{"a", "b", "c"} {
		t.keep(id)
	}
	for u, err := range t.store.Undelivered(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		if u.Notice.ID == "c" {
			break
		}
		t.drop(u.Notice.ID)
	}
	t.hasNotices("c")
}

func keepTogether(t *trial) {
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
	if got, want := len(t.notices()), keepers/2; got != want {
		t.Errorf("%d notices, want %d", got, want)
	}
}

func withoutID(t *trial) {
	if err := t.store.Keep(t.Context(), esm.Notice{}, "arn", "reason"); err == nil {
		t.Error("no error")
	}
	t.hasNotices()
}
