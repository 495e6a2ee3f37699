package checkpointtest

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"sync"

	"github.com/esm-run/esm"
)

func listed(t *queueTrial) {
	var all, f []esm.Event
	for i := range 300 {
		e := t.add(event([]string{"f", "f:live", "g"}[i%3], 300-i))
		if all = append(all, e); i%3 < 2 {
			f = append(f, e)
		}
	}
	t.lists("", all...)
	t.lists("f", f...)
	t.take("g", 150, 1_000)
	all, f = nil, nil
	for i, e := range t.waiting("") {
		if strings.HasPrefix(e.Function, "f") {
			f = append(f, e)
		} else if !e.Due.After(later(150)) {
			t.Errorf("event %d is listed although it is taken", i)
		}
	}
	t.lists("f", f...)
}

// removeWhileListed removes each event as soon as it is seen, and stops before the last.
func removeWhileListed(t *queueTrial) {
	for range 3 {
		t.add(event("f", 0))
	}
	last := t.waiting("f")[2]
	for e, err := range t.queue.List(t.Context(), "") {
		if err != nil {
			t.Fatal(err)
		}
		if e.Place == last.Place {
			break
		}
		t.remove(1, e.Place)
	}
	t.lists("f", last)
}

func removeWaiting(t *queueTrial) {
	var all []esm.Event
	for i := range 6 {
		all = append(all, t.add(event([]string{"f", "g"}[i%2], i)))
	}
	t.takes("f", 0, all[0])
	t.remove(2, all[0].Place, all[1].Place, 999, all[1].Place, all[4].Place)
	t.lists("", all[2], all[3], all[5])
	t.remove(1, all[2].Place)
	t.has(
		esm.Backlog{Function: "f", Taken: 1, Oldest: moment},
		esm.Backlog{Function: "g", Waiting: 2, Oldest: moment, Next: later(3)},
	)
	t.putBack(all[0])
	t.takes("f", 9, all[0])
	t.finish(all[0].Place)
	t.takes("g", 9, all[3], all[5])
}

func hastened(t *queueTrial) {
	var all []esm.Event
	for i := range 4 {
		e := fullEvent()
		e.Due = later(60 + i)
		all = append(all, t.add(e))
	}
	t.takes("orders", 60, all[0])
	t.hasten(2, 10, all[0].Place, all[3].Place, 999, all[3].Place, all[1].Place)
	all[1].Due, all[3].Due = later(10), later(10)
	t.lists("", all[1], all[2], all[3])
	t.has(esm.Backlog{Function: "orders", Waiting: 3, Taken: 1, Oldest: moment, Next: later(10)})
	t.takes("orders", 10, all[1], all[3])
}

// fullOwed returns a notice of an event with every field set.
func fullOwed() esm.OwedNotice {
	return esm.OwedNotice{Destination: "arn of a queue", Notice: esm.Notice{
		ID: "id", Time: moment, RequestID: "request", FunctionArn: "arn:live", Condition: esm.RetriesExhausted, Invokes: 3,
		Response: &esm.NoticeResponse{Status: 200, Version: "7", Fault: "Unhandled"},
		Event: &esm.EventEnd{
			DeadLetter: true, Response: json.RawMessage(`{"errorMessage": "<&>"}`), Error: "no stock", TraceHeader: "Root=1-2",
		},
		Payload: json.RawMessage(`{"orderId" : 17}`),
	}}
}

func everyOwedField(t *queueTrial) {
	large := fullOwed()
	large.Notice.ID, large.Notice.Event.Response = "large", json.RawMessage(`"`+strings.Repeat("r", 6<<20)+`"`)
	want := []esm.OwedNotice{
		fullOwed(), large, notice("bare"),
		{Notice: esm.Notice{ID: "empty end", Event: &esm.EventEnd{}}},
	}
	e := t.add(event("f", 0))
	t.takes("f", 0, e)
	t.finish(e.Place, want...)
	t.twice(func(when string) {
		if got := t.owed(); !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %.500s\nwant %.500s", when, fmt.Sprintf("%+v", got), fmt.Sprintf("%+v", want))
		}
	})
}

func owedInOrder(t *queueTrial) {
	var want []string
	for i := range 40 {
		e := t.add(event("f", 0))
		t.takes("f", 0, e)
		a, b := fmt.Sprint(99-i), fmt.Sprint("second ", i)
		t.finish(e.Place, notice(a), notice(b))
		want = append(want, a, b)
	}
	t.owes(want...)
	t.settle(want[1], "unknown", want[1], want[79])
	t.owes(append(want[:1:1], want[2:79]...)...)
	for o, err := range t.queue.Owed(t.Context()) { // settled as soon as they are seen, as when they are sent
		if err != nil {
			t.Fatal(err)
		}
		if o.Notice.ID == want[78] {
			break
		}
		t.settle(o.Notice.ID)
	}
	t.owes(want[78])
	t.settle(want[78])
	t.owes()
}

func owedIDs(t *queueTrial) {
	first, second := t.add(event("f", 0)), t.add(event("f", 0))
	t.takes("f", 0, first, second)
	t.finish(first.Place, notice("a"))
	var all sync.WaitGroup
	for name, bad := range map[string][]esm.OwedNotice{
		"no ID":              {notice("b"), notice("")},
		"a long ID":          {notice("b"), notice(strings.Repeat("x", 100_000))},
		"an ID that is owed": {notice("b"), notice("a")},
		"an ID twice":        {notice("b"), notice("b")},
	} {
		all.Go(func() {
			if err := t.queue.Finish(t.Context(), second.Place, bad...); err == nil {
				t.Errorf("%s: no error", name)
			}
		})
	}
	all.Wait()
	t.owes("a")
	t.has(esm.Backlog{Function: "f", Taken: 1, Oldest: moment})
	t.settle("a")
	t.finish(second.Place, notice("b"), notice("a"))
	t.owes("b", "a")
}
