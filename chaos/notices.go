package chaos

import (
	"slices"
	"time"
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

// eventsEndOnce compares the asynchronous events that were accepted with those that ended.
func eventsEndOnce(x *index, f *Finding) {
	ends := map[string]int{}
	for _, e := range x.Ended {
		ends[e.ID]++
	}
	accepted := map[string]bool{}
	for _, e := range x.Accepted {
		f.Checked++
		accepted[e.ID] = true
		switch n := ends[e.ID]; {
		case n == 0 && x.Complete:
			f.broken(time.Time{}, []string{e.ID}, "accepted at %s, and never ended", e.At.Format(time.TimeOnly))
		case n > 1:
			f.broken(e.At, []string{e.ID}, "ended %d times", n)
		}
	}
	for _, e := range x.Ended {
		if !accepted[e.ID] {
			f.broken(e.At, []string{e.ID}, "ended, and was never accepted")
		}
	}
}
