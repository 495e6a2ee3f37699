package checkpointtest

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/esm-run/esm"
)

// RunEvents runs the suite that every [esm.Events] passes. Each test calls open for an empty queue of its own. reopen
// simulates a restart: it closes the queue and returns it as the next process finds it.
func RunEvents(t *testing.T, open func(t *testing.T) (queue esm.Events, reopen func() esm.Events)) {
	for _, test := range []struct {
		name string
		run  func(*queueTrial)
	}{
		{"an empty queue has nothing", emptyQueue},
		{"an event keeps every field", everyEventField},
		{"an event is copied", eventsAreCopied},
		{"functions do not mix", functionsDoNotMix},
		{"no place is used twice", placesAreNew},
		{"concurrent adds get places of their own", addTogether},
		{"a long name is refused alone", longFunction},

		{"events are taken in the order of their due times", takenByDue},
		{"a take has a maximum", takeMax},
		{"a take has a megabyte", takeMegabyte},
		{"a take returns when the next event is due", takeNext},
		{"a taken event stays taken", staysTaken},
		{"concurrent takes share the events", takeTogether},

		{"a returned event waits", returned},
		{"an event that waits is not returned", returnWaiting},
		{"a finished event is gone", finished},
		{"an event that waits is not finished", finishWaiting},
		{"recovered events wait", recovered},
		{"many events are recovered", recoverMany},

		{"events are listed in the order of acceptance", listed},
		{"events can be removed while listed", removeWhileListed},
		{"events that wait are removed", removeWaiting},
		{"events that wait are hastened", hastened},
		{"backlogs count events", backlogs},

		{"an owed notice keeps every field", everyOwedField},
		{"owed notices are listed oldest first", owedInOrder},
		{"notices without an ID of their own are refused", owedIDs},

		{"an ended context changes no event", endedQueueContext},
		{"events behave as a map", eventModel},
	} {
		t.Run(test.name, func(t *testing.T) {
			queue, reopen := open(t)
			test.run(&queueTrial{t, queue, reopen})
		})
	}
}

// queueTrial is one test with its queue.
type queueTrial struct {
	tester
	queue  esm.Events
	reopen func() esm.Events
}

func (t *queueTrial) restart() { t.queue = t.reopen() }

// twice runs a check now and after a restart.
func (t *queueTrial) twice(check func(when string)) {
	t.Helper()
	check("now")
	t.restart()
	check("after a restart")
}

// later returns a time after moment.
func later(seconds int) time.Time { return moment.Add(time.Duration(seconds) * time.Second) }

// event returns an event of a function that is due some seconds after moment.
func event(function string, seconds int) esm.Event {
	return esm.Event{
		ID: "id", Function: function, Payload: []byte(`{"n": 1}`), Accepted: moment, Due: later(seconds),
	}
}

// fullEvent returns an event with every field set.
func fullEvent() esm.Event {
	return esm.Event{
		ID: "7c1f6a52-0f0e-4d0a-9a3f-5a2b8f1d6e44", Function: "orders:live", Payload: []byte(` {"a" : "<&>"}`),
		TraceHeader: "Root=1-5759e988-bd862e3fe1be46a994272793;Sampled=1", Accepted: moment, Due: later(60),
		Tries: 2, Throttles: 3, Crashes: 4,
		Last: &esm.EventResult{
			NoticeResponse: esm.NoticeResponse{Status: 200, Version: "$LATEST", Fault: "Unhandled"},
			Payload:        []byte(`{"errorMessage":"no stock"}`), Error: "no stock",
		},
	}
}

func (t *queueTrial) add(e esm.Event) esm.Event {
	t.Helper()
	added, err := t.queue.Add(t.Context(), e)
	if err != nil {
		t.Fatalf("add: %v", err)
	}
	if e.Place = added.Place; added.Place == 0 || !reflect.DeepEqual(added, e) {
		t.Fatalf("added %+v, want %+v with a place", added, e)
	}
	return added
}

// take expects a Take to succeed. Its clock is some seconds after moment.
func (t *queueTrial) take(function string, seconds, max int) (taken []esm.Event, next time.Time) {
	t.Helper()
	taken, next, err := t.queue.Take(t.Context(), function, later(seconds), max)
	if err != nil {
		t.Fatalf("take of %q: %v", function, err)
	}
	return taken, next
}

// takes expects a Take of function to return exactly these events.
func (t *queueTrial) takes(function string, seconds int, want ...esm.Event) {
	t.Helper()
	got, next := t.take(function, seconds, 1_000)
	if !reflect.DeepEqual(got, want) {
		t.Errorf("took from %q\n     %+v\nwant %+v", function, got, want)
	}
	if len(want) > 0 && !next.IsZero() {
		t.Errorf("took events of %q and returned %s as the next time", function, next)
	}
}

func (t *queueTrial) putBack(events ...esm.Event) {
	t.Helper()
	if err := t.queue.Return(t.Context(), events...); err != nil {
		t.Fatalf("return: %v", err)
	}
}

func (t *queueTrial) finish(place uint64, owed ...esm.OwedNotice) {
	t.Helper()
	if err := t.queue.Finish(t.Context(), place, owed...); err != nil {
		t.Fatalf("finish %d: %v", place, err)
	}
}

func (t *queueTrial) recover(seconds int) {
	t.Helper()
	if err := t.queue.Recover(t.Context(), later(seconds)); err != nil {
		t.Fatalf("recover: %v", err)
	}
}

// remove expects a Remove to find a number of events.
func (t *queueTrial) remove(want int, places ...uint64) {
	t.Helper()
	if got, err := t.queue.Remove(t.Context(), places...); err != nil || got != want {
		t.Fatalf("removed %d (%v), want %d", got, err, want)
	}
}

func (t *queueTrial) hasten(want, seconds int, places ...uint64) {
	t.Helper()
	if got, err := t.queue.Hasten(t.Context(), later(seconds), places...); err != nil || got != want {
		t.Fatalf("hastened %d (%v), want %d", got, err, want)
	}
}

func (t *queueTrial) settle(ids ...string) {
	t.Helper()
	if err := t.queue.Settle(t.Context(), ids...); err != nil {
		t.Fatalf("settle %q: %v", ids, err)
	}
}

// waiting returns the listed events of function.
func (t *queueTrial) waiting(function string) (all []esm.Event) {
	t.Helper()
	for e, err := range t.queue.List(t.Context(), function) {
		if err != nil {
			t.Fatalf("list %q: %v", function, err)
		}
		all = append(all, e)
	}
	return all
}

// lists expects exactly these events of function to wait, now and after a restart.
func (t *queueTrial) lists(function string, want ...esm.Event) {
	t.Helper()
	t.twice(func(when string) {
		if got := t.waiting(function); !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %q lists\n     %+v\nwant %+v", when, function, got, want)
		}
	})
}

func (t *queueTrial) owed() (all []esm.OwedNotice) {
	t.Helper()
	for o, err := range t.queue.Owed(t.Context()) {
		if err != nil {
			t.Fatalf("owed: %v", err)
		}
		all = append(all, o)
	}
	return all
}

// owes expects exactly these notices to be owed, now and after a restart.
func (t *queueTrial) owes(want ...string) {
	t.Helper()
	t.twice(func(when string) {
		var got []string
		for _, o := range t.owed() {
			got = append(got, o.Notice.ID)
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s: %q are owed, want %q", when, got, want)
		}
	})
}

// has expects exactly these backlogs, now and after a restart.
func (t *queueTrial) has(want ...esm.Backlog) {
	t.Helper()
	t.twice(func(when string) {
		if got, err := t.queue.Backlogs(t.Context()); err != nil || !slices.Equal(got, want) {
			t.Errorf("%s: backlogs\n     %+v (%v)\nwant %+v", when, got, err, want)
		}
	})
}

// notice returns a notice with an ID alone.
func notice(id string) esm.OwedNotice {
	return esm.OwedNotice{Notice: esm.Notice{ID: id}, Destination: "arn"}
}

func emptyQueue(t *queueTrial) {
	t.has()
	t.lists("")
	t.lists("unknown")
	t.owes()
	t.takes("unknown", 0)
	if _, next := t.take("unknown", 0, 1); !next.IsZero() {
		t.Errorf("the next event is due at %s, want none", next)
	}
	t.putBack()
	t.putBack(esm.Event{Place: 7, Function: "unknown"})
	t.finish(7, notice("n"))
	t.recover(0)
	t.remove(0)
	t.remove(0, 7, 0)
	t.hasten(0, 0, 7, 0)
	t.settle()
	t.settle("unknown")
	t.has()
	t.owes()
}

func endedQueueContext(t *queueTrial) {
	waits := t.add(event("f", 0))
	taken := t.add(event("f", -1))
	t.takes("f", -1, taken)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, adding := t.queue.Add(ctx, event("f", 0))
	_, reading := t.queue.Backlogs(ctx)
	_, _, taking := t.queue.Take(ctx, "f", later(1), 1)
	_, removing := t.queue.Remove(ctx, waits.Place)
	_, hastening := t.queue.Hasten(ctx, later(-9), waits.Place)
	var listing, owing error
	for _, listing = range t.queue.List(ctx, "f") {
	}
	for _, owing = range t.queue.Owed(ctx) {
	}
	for name, err := range map[string]error{
		"add": adding, "backlogs": reading, "take": taking, "remove": removing, "hasten": hastening, "list": listing, "owed": owing,
		"return": t.queue.Return(ctx, taken), "finish": t.queue.Finish(ctx, taken.Place, notice("n")),
		"recover": t.queue.Recover(ctx, later(0)), "settle": t.queue.Settle(ctx, "n"),
	} {
		if !errors.Is(err, context.Canceled) {
			t.Errorf("%s: %v, want context.Canceled", name, err)
		}
	}
	t.lists("", waits)
	t.has(esm.Backlog{Function: "f", Waiting: 1, Taken: 1, Oldest: moment, Next: waits.Due})
	t.owes()
}

func backlogs(t *queueTrial) {
	old := event("a", 60)
	old.Accepted = later(-60)
	first := t.add(old)
	t.add(event("a:live", 30))
	t.add(event("a:1", 90))
	b := t.add(event("b:live", 5))
	t.has(
		esm.Backlog{Function: "a", Waiting: 3, Oldest: later(-60), Next: later(30)},
		esm.Backlog{Function: "b", Waiting: 1, Oldest: moment, Next: later(5)},
	)
	taken, _ := t.take("a", 60, 9)
	t.take("b", 60, 9)
	t.has(
		esm.Backlog{Function: "a", Waiting: 1, Taken: 2, Oldest: later(-60), Next: later(90)},
		esm.Backlog{Function: "b", Taken: 1, Oldest: moment},
	)
	t.finish(first.Place)
	t.finish(b.Place, notice("n"))
	t.has(esm.Backlog{Function: "a", Waiting: 1, Taken: 1, Oldest: moment, Next: later(90)})
	t.finish(taken[0].Place)
	t.remove(1, t.waiting("a")[0].Place)
	t.has()
	t.add(event("b", 7))
	t.has(esm.Backlog{Function: "b", Waiting: 1, Oldest: moment, Next: later(7)})
}

func functionsDoNotMix(t *queueTrial) {
	names := []string{"", "a", "b", "ab", "a/b", "/", "\x00", "a\x00b", "ÄÖÜ 漢字 🙂", "\xff\xfe", " ", "a\nb"}
	var all []esm.Event
	want := map[string][]esm.Event{}
	for _, qualifier := range []string{"", ":", ":1", ":$LATEST", ":a"} {
		for _, name := range names {
			e := t.add(event(name+qualifier, len(all)))
			all = append(all, e)
			want[name] = append(want[name], e)
		}
	}
	t.lists("", all...)
	slices.Sort(names)
	var counts []esm.Backlog
	for _, name := range names {
		if name != "" {
			t.lists(name, want[name]...)
		}
		counts = append(counts, esm.Backlog{Function: name, Waiting: 5, Oldest: moment, Next: want[name][0].Due})
	}
	t.has(counts...)
	for _, name := range names {
		t.takes(name, 1_000, want[name]...)
		t.takes(name+":1", 1_000)
	}
	t.lists("")
	for _, e := range all {
		t.finish(e.Place, notice(fmt.Sprint(e.Place)))
	}
	t.has()
}
