package checkpointtest

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"time"

	"pgregory.net/rapid"

	"github.com/esm-run/esm"
)

// queueModel is a queue as simple as can be.
type queueModel struct {
	waiting, taken map[uint64]esm.Event
	owed           []string
	settled        int // number of notices ever owed, for their IDs
}

var modelFunctions = []string{"a", "b", "a/b"}

// eventModel compares random calls with a map. All of rapid's cases use one queue in turn.
func eventModel(t *queueTrial) {
	m := &queueModel{waiting: map[uint64]esm.Event{}, taken: map[uint64]esm.Event{}}
	function := rapid.SampledFrom(modelFunctions)
	seconds := rapid.IntRange(0, 20)
	rapid.Check(t.tester, func(r *rapid.T) {
		t.tester = r
		r.Repeat(map[string]func(*rapid.T){
			"add": func(r *rapid.T) {
				e := event(function.Draw(r, "function")+rapid.SampledFrom([]string{"", ":live"}).Draw(r, "qualifier"), seconds.Draw(r, "due"))
				e.Accepted = later(-seconds.Draw(r, "age"))
				e.Payload = payloads.Draw(r, "payload")
				e = t.add(e)
				m.waiting[e.Place] = e
			},
			"take": func(r *rapid.T) {
				function, now, max := function.Draw(r, "function"), seconds.Draw(r, "now"), rapid.IntRange(1, 5).Draw(r, "max")
				want, wantNext := m.take(function, later(now), max)
				if got, next := t.take(function, now, max); !reflect.DeepEqual(got, want) || !next.Equal(wantNext) {
					r.Fatalf("took %+v and the next at %s\nwant %+v, %s", got, next, want, wantNext)
				}
			},
			"return": func(r *rapid.T) {
				var events []esm.Event
				for _, place := range m.draw(r) {
					e, taken := m.taken[place]
					if !taken {
						e = m.waiting[place]
					}
					e.Due, e.Tries = later(seconds.Draw(r, "due")), e.Tries+1
					if events = append(events, e); taken {
						m.waiting[place] = e
						delete(m.taken, place)
					}
				}
				t.putBack(events...)
			},
			"finish": func(r *rapid.T) {
				for _, place := range m.draw(r) {
					m.settled++
					id := fmt.Sprint("notice ", m.settled)
					t.finish(place, notice(id))
					if _, taken := m.taken[place]; taken {
						m.owed = append(m.owed, id)
					}
					delete(m.taken, place)
				}
			},
			"remove": func(r *rapid.T) {
				places := m.draw(r)
				t.remove(m.countWaiting(places), places...)
				for _, place := range places {
					delete(m.waiting, place)
				}
			},
			"hasten": func(r *rapid.T) {
				places, now := m.draw(r), seconds.Draw(r, "now")
				t.hasten(m.countWaiting(places), now, places...)
				for _, place := range places {
					if e, waits := m.waiting[place]; waits {
						e.Due = later(now)
						m.waiting[place] = e
					}
				}
			},
			"settle": func(r *rapid.T) {
				if len(m.owed) == 0 {
					r.Skip("nothing is owed")
				}
				id := rapid.SampledFrom(m.owed).Draw(r, "id")
				t.settle(id)
				m.owed = slices.DeleteFunc(m.owed, func(other string) bool { return other == id })
			},
			"restart": func(r *rapid.T) {
				if rapid.IntRange(0, 9).Draw(r, "restart") > 0 {
					r.Skip("seldom")
				}
				t.restart()
				now := seconds.Draw(r, "now")
				t.recover(now)
				for place, e := range m.taken {
					e.Due = later(now)
					e.Crashes++
					m.waiting[place] = e
				}
				clear(m.taken)
			},
			"": func(r *rapid.T) { m.compare(r, t) },
		})
	})
}

// payloads are of all sizes, up to more than a page of a file.
var payloads = rapid.Custom(func(r *rapid.T) json.RawMessage {
	return json.RawMessage(`"` + strings.Repeat("p", rapid.SampledFrom([]int{0, 10, 1_000, 10_000}).Draw(r, "size")) + `"`)
})

// draw returns places of events that wait or are taken, and now and then of none.
func (m *queueModel) draw(r *rapid.T) []uint64 {
	places := append(slices.Collect(maps.Keys(m.waiting)), slices.Collect(maps.Keys(m.taken))...)
	slices.Sort(places)
	places = append(places, 1<<40)
	return rapid.SliceOfNDistinct(rapid.SampledFrom(places), 0, 4, rapid.ID).Draw(r, "places")
}

func (m *queueModel) countWaiting(places []uint64) (n int) {
	for _, place := range places {
		if _, waits := m.waiting[place]; waits {
			n++
		}
	}
	return n
}

// of returns the events of a function, or of all if it is empty, in the order of acceptance.
func of(events map[uint64]esm.Event, function string) (all []esm.Event) {
	for _, place := range slices.Sorted(maps.Keys(events)) {
		e := events[place]
		if name, _, _ := strings.Cut(e.Function, ":"); function == "" || name == function {
			all = append(all, e)
		}
	}
	return all
}

func (m *queueModel) take(function string, now time.Time, max int) (taken []esm.Event, next time.Time) {
	waiting := of(m.waiting, function)
	slices.SortStableFunc(waiting, func(a, b esm.Event) int { return cmp.Or(a.Due.Compare(b.Due), cmp.Compare(a.Place, b.Place)) })
	for _, e := range waiting {
		if !e.Due.After(now) && len(taken) < max {
			taken = append(taken, e)
			m.taken[e.Place] = e
			delete(m.waiting, e.Place)
		}
	}
	if len(taken) == 0 && len(waiting) > 0 {
		next = waiting[0].Due
	}
	return taken, next
}

// compare expects the queue to have what the model has.
func (m *queueModel) compare(r *rapid.T, t *queueTrial) {
	var want []esm.Backlog
	for _, function := range slices.Sorted(slices.Values(modelFunctions)) {
		waiting, taken := of(m.waiting, function), of(m.taken, function)
		if got := t.waiting(function); !reflect.DeepEqual(got, waiting) {
			r.Fatalf("%q lists\n     %+v\nwant %+v", function, got, waiting)
		}
		both := append(slices.Clone(waiting), taken...)
		if len(both) == 0 {
			continue
		}
		b := esm.Backlog{Function: function, Waiting: len(waiting), Taken: len(taken)}
		b.Oldest = slices.MinFunc(both, func(a, b esm.Event) int { return cmp.Compare(a.Place, b.Place) }).Accepted
		if len(waiting) > 0 {
			b.Next = slices.MinFunc(waiting, func(a, b esm.Event) int { return a.Due.Compare(b.Due) }).Due
		}
		want = append(want, b)
	}
	if got, err := t.queue.Backlogs(t.Context()); err != nil || !slices.Equal(got, want) {
		r.Fatalf("backlogs %+v (%v), want %+v", got, err, want)
	}
	if got, want := t.waiting(""), of(m.waiting, ""); !reflect.DeepEqual(got, want) {
		r.Fatalf("listed\n     %+v\nwant %+v", got, want)
	}
	var owed []string
	for _, o := range t.owed() {
		owed = append(owed, o.Notice.ID)
	}
	if !slices.Equal(owed, m.owed) {
		r.Fatalf("%q are owed, want %q", owed, m.owed)
	}
}
