package checkpointtest

import (
	"cmp"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/esm-run/esm"
)

func everyEventField(t *queueTrial) {
	large := fullEvent()
	large.Payload = json.RawMessage(`"` + strings.Repeat("p", esm.MaxEvent-2) + `"`)
	large.Last.Payload = json.RawMessage(`"` + strings.Repeat("r", 6<<20) + `"`)
	zone := fullEvent()
	zone.Accepted, zone.Due = moment.In(time.FixedZone("east", 3600)), later(1).In(time.FixedZone("west", -3600))
	for _, given := range []esm.Event{
		{},
		fullEvent(),
		large,
		zone,
		{Last: &esm.EventResult{}},
		{Function: "not UTF-8: \xff\x00", Accepted: time.Date(1, 1, 1, 0, 0, 0, 1, time.UTC), Due: time.Date(1, 1, 1, 0, 0, 0, 2, time.UTC)},
		{Function: "f", Accepted: moment, Due: time.Date(9999, 1, 1, 0, 0, 0, 999_999_999, time.UTC)},
	} {
		want := t.add(given)
		want.Accepted, want.Due = want.Accepted.UTC(), want.Due.UTC()
		t.lists("", want)
		function, _, _ := strings.Cut(want.Function, ":")
		for range 2 { // as added, and as returned
			taken, _, err := t.queue.Take(t.Context(), function, want.Due, 1)
			if err != nil || !reflect.DeepEqual(taken, []esm.Event{want}) {
				t.Errorf("took %.500s (%v)\nwant %.500s", fmt.Sprintf("%+v", taken), err, fmt.Sprintf("%+v", want))
			}
			want.Tries, want.Throttles, want.Crashes = want.Tries+1, want.Throttles+2, want.Crashes+3
			want.Due = want.Due.Add(time.Nanosecond)
			want.Last = &esm.EventResult{Error: "another", Payload: json.RawMessage("null")}
			t.putBack(want)
			t.lists("", want)
		}
		t.remove(1, want.Place)
	}
}

func eventsAreCopied(t *queueTrial) {
	spoil := func(e esm.Event) {
		e.Payload[0], e.Last.Payload[0], e.Last.Status = '?', '?', 99
	}
	spoilNotice := func(o esm.OwedNotice) { o.Notice.Payload[0], o.Notice.Event.Response[0] = '?', '?' }
	given := fullEvent()
	want := fullEvent()
	want.Place = t.add(given).Place
	spoil(given)
	spoil(t.waiting("")[0])
	t.lists("", want)
	taken, _ := t.take("orders", 60, 1)
	spoil(taken[0])
	given = want
	given.Payload, given.Last = slices.Clone(want.Payload), &esm.EventResult{Payload: slices.Clone(want.Last.Payload)}
	want.Last = &esm.EventResult{Payload: slices.Clone(want.Last.Payload)}
	t.putBack(given)
	spoil(given)
	t.takes("orders", 60, want)
	notice := fullOwed()
	t.finish(want.Place, notice)
	spoilNotice(notice)
	spoilNotice(t.owed()[0])
	if got := t.owed(); !reflect.DeepEqual(got, []esm.OwedNotice{fullOwed()}) {
		t.Errorf("owed %+v, want %+v", got, fullOwed())
	}
}

// placesAreNew protects an event from a call that is about an earlier one.
func placesAreNew(t *queueTrial) {
	last := uint64(0)
	for range 3 {
		for range 3 {
			e := t.add(event("f", 0))
			if e.Place <= last {
				t.Errorf("place %d after %d", e.Place, last)
			}
			last = e.Place
			if e.Place%2 == 0 {
				t.take("f", 0, 1)
				t.finish(e.Place)
			} else {
				t.remove(1, e.Place)
			}
		}
		t.restart()
	}
}

func addTogether(t *queueTrial) {
	const adders, rounds = 50, 4
	var mu sync.Mutex
	places := map[uint64]bool{}
	var all sync.WaitGroup
	for i := range adders {
		all.Go(func() {
			for range rounds {
				e, err := t.queue.Add(t.Context(), event(fmt.Sprint("f", i%3), i))
				if err != nil {
					t.Errorf("add: %v", err)
				}
				mu.Lock()
				places[e.Place] = true
				mu.Unlock()
			}
		})
	}
	all.Wait()
	found := t.waiting("")
	if len(places) != adders*rounds || len(found) != adders*rounds {
		t.Errorf("%d places and %d events, want %d", len(places), len(found), adders*rounds)
	}
	for _, e := range found {
		if !places[e.Place] {
			t.Errorf("an event at place %d", e.Place)
		}
	}
}

func longFunction(t *queueTrial) {
	var all sync.WaitGroup
	for i := range 20 {
		all.Go(func() {
			e := event("f", 0)
			if i%2 == 0 {
				e.Function = strings.Repeat("x", 100_000)
			}
			if _, err := t.queue.Add(t.Context(), e); (err == nil) != (i%2 == 1) {
				t.Errorf("add %d: %v", i, err)
			}
		})
	}
	all.Wait()
	t.has(esm.Backlog{Function: "f", Waiting: 10, Oldest: moment, Next: moment})
}

func takenByDue(t *queueTrial) {
	var want []esm.Event
	for _, due := range []int{3, 1, 2, 1, -5, 3, 2} {
		want = append(want, t.add(event("f", due)))
	}
	before1970 := event("f", 0)
	before1970.Due = time.Date(1969, 12, 31, 23, 59, 59, 5, time.UTC)
	want = append(want, t.add(before1970))
	nanosecond := event("f", 2)
	nanosecond.Due = nanosecond.Due.Add(-1)
	want = append(want, t.add(nanosecond))
	slices.SortStableFunc(want, func(a, b esm.Event) int { return cmp.Or(a.Due.Compare(b.Due), cmp.Compare(a.Place, b.Place)) })
	t.restart()
	t.takes("f", 1, want[:4]...)
	t.takes("f", 1)
	t.takes("f", 9, want[4:]...)
}

func takeMax(t *queueTrial) {
	for range 7 {
		t.add(event("f", 0))
	}
	for _, want := range []int{3, 3, 1, 0} {
		if got, _ := t.take("f", 0, 3); len(got) != want {
			t.Errorf("took %d, want %d", len(got), want)
		}
	}
}

func takeMegabyte(t *queueTrial) {
	for _, size := range []int{esm.MaxEvent - 10, 10, 1, esm.MaxEvent, esm.MaxEvent, 1, 1} {
		e := event("f", 0)
		e.Payload = json.RawMessage(strings.Repeat("1", size))
		t.add(e)
	}
	failed := event("f", 0)
	failed.Last = &esm.EventResult{Payload: json.RawMessage(strings.Repeat("1", esm.MaxEvent-len(failed.Payload)))}
	t.add(failed)
	t.add(event("f", 0))
	for i, want := range []int{2, 1, 1, 1, 2, 1, 1, 0} {
		if got, _ := t.take("f", 0, 100); len(got) != want {
			t.Errorf("take %d: %d events, want %d", i, len(got), want)
		}
	}
}

func takeNext(t *queueTrial) {
	check := func(want time.Time) {
		t.Helper()
		t.twice(func(when string) {
			if taken, next := t.take("f", 0, 9); len(taken) > 0 || !next.Equal(want) {
				t.Errorf("%s: took %d, the next is due at %s, want %s", when, len(taken), next, want)
			}
		})
	}
	t.add(event("f", 50))
	t.add(event("g", 20))
	check(later(50))
	first := t.add(event("f", 30))
	check(later(30))
	now := t.add(event("f", 0))
	t.takes("f", 0, now)
	check(later(30))
	t.remove(1, first.Place)
	check(later(50))
	t.take("f", 50, 9)
	check(time.Time{})
}

func staysTaken(t *queueTrial) {
	one, two := t.add(event("f", 0)), t.add(event("f", 1))
	t.takes("f", 0, one)
	t.lists("f", two)
	t.lists("", two)
	t.has(esm.Backlog{Function: "f", Waiting: 1, Taken: 1, Oldest: moment, Next: later(1)})
	t.remove(0, one.Place)
	t.hasten(0, 0, one.Place)
	t.takes("f", 0)
	t.takes("f", 1, two)
	t.lists("")
	t.finish(one.Place)
	t.finish(two.Place)
	t.has()
}

// takeTogether has several goroutines take, return and finish.
func takeTogether(t *queueTrial) {
	const takers, events = 8, 300
	for i := range events {
		t.add(event(fmt.Sprint("f", i%2), i%10))
	}
	var mu sync.Mutex
	taken := map[uint64]int{}
	var all sync.WaitGroup
	for taker := range takers {
		all.Go(func() {
			for {
				found, _, err := t.queue.Take(t.Context(), fmt.Sprint("f", taker%2), later(10), 7)
				if err != nil {
					t.Errorf("take: %v", err)
				}
				if len(found) == 0 {
					return
				}
				for i, e := range found {
					mu.Lock()
					taken[e.Place]++
					mu.Unlock()
					if i%2 == 0 {
						err = t.queue.Finish(t.Context(), e.Place)
					} else {
						e.Due = later(20)
						err = t.queue.Return(t.Context(), e)
					}
					if err != nil {
						t.Errorf("end of a try: %v", err)
					}
				}
			}
		})
	}
	all.Wait()
	if len(taken) != events {
		t.Errorf("%d events were taken, want %d", len(taken), events)
	}
	for place, times := range taken {
		if times != 1 {
			t.Errorf("event %d was taken %d times", place, times)
		}
	}
	for _, e := range t.waiting("") {
		if !e.Due.Equal(later(20)) {
			t.Errorf("event %d was lost when it was returned", e.Place)
		}
	}
}

func returned(t *queueTrial) {
	one, two := t.add(event("f:live", 0)), t.add(event("f", 0))
	t.takes("f", 0, one, two)
	one.Due, one.Tries, one.Last = later(60), 1, &esm.EventResult{Error: "failed"}
	two.Due, two.Throttles = later(30), 1
	t.putBack(one, two)
	t.lists("f", one, two)
	t.takes("f", 29)
	t.takes("f", 60, two, one)
	t.putBack(one)
	t.takes("f", 60, one)
}

func returnWaiting(t *queueTrial) {
	e := t.add(event("f", 0))
	changed := e
	changed.Due, changed.Tries = later(60), 9
	t.putBack(changed)
	t.lists("", e)
	t.takes("f", 0, e)
	t.putBack(changed, changed)
	t.lists("", changed)
	t.putBack(e)
	t.lists("", changed)
	t.has(esm.Backlog{Function: "f", Waiting: 1, Oldest: moment, Next: changed.Due})
	t.remove(1, e.Place)
	t.putBack(e)
	t.has()
}

func finished(t *queueTrial) {
	one, two := t.add(event("f", 0)), t.add(event("f", 0))
	t.takes("f", 0, one, two)
	t.finish(one.Place, notice("a"), notice("b"))
	t.owes("a", "b")
	t.has(esm.Backlog{Function: "f", Taken: 1, Oldest: moment})
	t.finish(one.Place, notice("again"))
	t.putBack(one)
	t.finish(two.Place)
	t.owes("a", "b")
	t.has()
}

func finishWaiting(t *queueTrial) {
	e := t.add(event("f", 0))
	t.finish(e.Place, notice("n"))
	t.owes()
	t.lists("", e)
}

func recovered(t *queueTrial) {
	waits, one, two, other := t.add(event("f", 90)), t.add(fullEvent()), t.add(event("f", 10)), t.add(event("g", 10))
	t.take("f", 60, 9)
	t.take("orders", 60, 9)
	t.takes("g", 60, other)
	t.restart()
	t.lists("", waits)
	t.recover(70)
	for _, e := range []*esm.Event{&one, &two, &other} {
		e.Due = later(70)
		e.Crashes++
	}
	t.lists("", waits, one, two, other)
	t.has(
		esm.Backlog{Function: "f", Waiting: 2, Oldest: moment, Next: later(70)},
		esm.Backlog{Function: "g", Waiting: 1, Oldest: moment, Next: later(70)},
		esm.Backlog{Function: "orders", Waiting: 1, Oldest: moment, Next: later(70)},
	)
	t.recover(80)
	t.takes("orders", 80, one)
	t.restart()
	t.recover(80)
	one.Due, one.Crashes = later(80), one.Crashes+1
	t.takes("orders", 80, one)
}

func recoverMany(t *queueTrial) {
	const events = 2_500
	var all sync.WaitGroup
	for range events {
		all.Go(func() {
			if _, err := t.queue.Add(t.Context(), event("f", 0)); err != nil {
				t.Errorf("add: %v", err)
			}
		})
	}
	all.Wait()
	t.take("f", 0, events)
	t.restart()
	t.recover(1)
	taken, _ := t.take("f", 1, events)
	if len(taken) != events {
		t.Errorf("%d of %d events were recovered", len(taken), events)
	}
	for _, e := range taken {
		if e.Crashes != 1 {
			t.Errorf("event %d has %d crashes, want 1", e.Place, e.Crashes)
		}
	}
}
