package chaos

import (
	"cmp"
	"slices"
	"strings"
	"time"
)

// index is a history by record, in the order of time.
type index struct {
	History
	place    map[string]int         // of a record in Sent
	calls    []*Call                // by Began
	handled  map[string][]*Call     // by record: the calls in which the handler saw it
	untils   map[string]time.Time   // by handle of a queue's delivery
	settled  map[string][]time.Time // by record
	faults   map[string][]Injected  // by record
	process  []Injected             // faults of the engine's process
	byTarget map[string][]Injected  // by the last word of the target, such as a shard
	givenUp  map[string]time.Time   // by record
	dead     map[string]bool        // by record
}

func newIndex(h History) *index {
	x := &index{
		History: h, place: map[string]int{}, handled: map[string][]*Call{}, untils: map[string]time.Time{},
		settled: map[string][]time.Time{}, faults: map[string][]Injected{}, byTarget: map[string][]Injected{},
		givenUp: map[string]time.Time{}, dead: map[string]bool{},
	}
	for i, r := range h.Sent {
		x.place[r.ID] = i
	}
	for i := range h.Calls {
		x.calls = append(x.calls, &h.Calls[i])
	}
	slices.SortStableFunc(x.calls, func(a, b *Call) int { return a.Began.Compare(b.Began) })
	for _, c := range x.calls {
		for i, id := range c.Records {
			if c.Ran && !slices.Contains(c.Records[:i], id) {
				x.handled[id] = append(x.handled[id], c)
			}
		}
	}
	x.addRecords()
	x.addFaults()
	return x
}

func (x *index) addRecords() {
	for _, r := range x.Received {
		x.untils[r.Handle] = r.Until
	}
	for _, s := range x.Settled {
		x.settled[s.ID] = append(x.settled[s.ID], s.At)
	}
	for _, g := range x.GivenUp {
		for _, id := range g.Records {
			if _, known := x.givenUp[id]; !known {
				x.givenUp[id] = g.At
			}
		}
	}
	for _, id := range x.Dead {
		x.dead[id] = true
	}
}

func (x *index) addFaults() {
	for _, f := range x.Injected {
		if f.Fault == EngineStops || f.Fault == EngineKill {
			x.process = append(x.process, f)
		}
		for _, id := range f.Records {
			x.faults[id] = append(x.faults[id], f)
		}
		last := f.Target[strings.LastIndex(f.Target, " ")+1:]
		x.byTarget[last] = append(x.byTarget[last], f)
	}
}

// group names the records whose order r has a part in; it is empty if there are none.
func (r Record) group() string { return cmp.Or(r.Group, r.Shard) }

// succeededBy reports whether a call that ended by then settled the record.
func (x *index) succeededBy(id string, then time.Time) bool {
	return slices.ContainsFunc(x.handled[id], func(c *Call) bool {
		return !c.Ended.After(then) && slices.Contains(c.Succeeded, id)
	})
}

// givenUpBy reports whether the record was given up by then.
func (x *index) givenUpBy(id string, then time.Time) bool {
	at, found := x.givenUp[id]
	return found && !at.After(then)
}

// visible reports whether a record that a call has from a queue was visible again at a moment.
func (x *index) visible(c *Call, id string, then time.Time) bool {
	for i, handle := range c.Handles {
		if until, known := x.untils[handle]; known && c.Records[i] == id && !until.After(then) {
			return true
		}
	}
	return false
}

// struck returns a fault that concerns the record between two moments.
func (x *index) struck(r Record, from, to time.Time) (Injected, bool) {
	lists := [][]Injected{x.faults[r.ID], x.process}
	if r.Shard != "" {
		lists = append(lists, x.byTarget[r.Shard])
	}
	for _, list := range lists {
		for _, f := range list {
			if !f.At.Before(from) && !f.At.After(to) {
				return f, true
			}
		}
	}
	return Injected{}, false
}
