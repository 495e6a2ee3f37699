package chaos

import (
	"slices"
)

// givenUpTold compares the records that were given up with the notices about them. A notice that was taken twice counts once,
// since its ID says so.
func givenUpTold(x *index, f *Finding) {
	notices := map[string][]Told{} // by record, each ID once
	for _, t := range x.Told {
		for _, id := range t.Records {
			if !slices.ContainsFunc(notices[id], func(other Told) bool { return other.ID == t.ID }) {
				notices[id] = append(notices[id], t)
			}
			if _, gone := x.givenUp[id]; !gone && x.Complete {
				f.broken(t.At, []string{id}, "notice %s tells that it was given up, and it was not", t.ID)
			}
		}
	}
	for id, at := range x.givenUp {
		f.Checked++
		switch told := notices[id]; {
		case len(told) == 0 && x.Complete && !x.succeeded(id): // an engine that was killed before the notice may have tried again
			f.broken(at, []string{id}, "given up, and no notice tells it")
		case len(told) > 1 && !x.toldAgain(id, told):
			f.broken(at, []string{id}, "given up, and %d notices tell it, which no fault explains", len(told))
		}
	}
	x.eventsTold(f)
}

// toldAgain reports whether a fault lies before each notice about a record but the first: the run was not durable then, and
// its second notice has another ID.
func (x *index) toldAgain(id string, told []Told) bool {
	place, known := x.place[id]
	for i := 1; i < len(told) && known; i++ {
		_, known = x.struck(x.Sent[place], told[i-1].At, told[i].At)
	}
	return known
}

// eventsEndOnce compares the asynchronous events that were accepted with those that ended. The end of an event whose last
// change was made when the engine was killed is known by its success or its notices alone.
func eventsEndOnce(x *index, f *Finding) {
	ends, told := map[string]int{}, map[string]bool{}
	for _, e := range x.Ended {
		ends[e.ID]++
	}
	for _, t := range x.Told {
		told[t.Event] = true
	}
	for _, c := range x.calls {
		if len(c.Records) == 0 && len(c.Succeeded) == 1 {
			told[c.ID] = true
		}
	}
	accepted := map[string]bool{}
	for _, e := range x.Accepted {
		f.Checked++
		accepted[e.ID] = true
		switch n := ends[e.ID]; {
		case n == 0 && x.Complete && !told[e.ID]:
			f.broken(e.At, []string{e.ID}, "accepted, and never ended")
		case n > 1:
			f.broken(e.At, []string{e.ID}, "ended %d times", n)
		}
	}
	for _, e := range x.Ended {
		if !accepted[e.ID] && !x.storedAnyway(e.ID) {
			f.broken(e.At, []string{e.ID}, "ended, and was never accepted")
		}
	}
}

// storedAnyway reports whether an event was stored although its caller got an error.
func (x *index) storedAnyway(id string) bool {
	return slices.ContainsFunc(x.byTarget[id], func(f Injected) bool { return f.Fault == StoreDone })
}

// eventsTold compares the notices that ended events owe with those that were told.
func (x *index) eventsTold(f *Finding) {
	notices := map[string]map[string]bool{} // IDs of notices by event
	for _, t := range x.Told {
		if t.Event == "" {
			continue
		}
		if notices[t.Event] == nil {
			notices[t.Event] = map[string]bool{}
		}
		notices[t.Event][t.ID] = true
	}
	for _, e := range x.Ended {
		f.Checked++
		if n := len(notices[e.ID]); n > e.Owed || n < e.Owed && x.Complete {
			f.broken(e.At, []string{e.ID}, "the event's end owes %d notices, and %d were told", e.Owed, n)
		}
	}
}
