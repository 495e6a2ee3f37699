package chaos

import (
	"slices"
	"time"
)

// givenUpTold compares the records that were given up with the notices about them. A notice that was taken twice counts once,
// since its ID says so.
func givenUpTold(x *index, f *Finding) {
	notices := map[string][]string{} // by record: the IDs of notices
	for _, t := range x.Told {
		for _, id := range t.Records {
			if !slices.Contains(notices[id], t.ID) {
				notices[id] = append(notices[id], t.ID)
			}
			if _, gone := x.givenUp[id]; !gone && x.Complete {
				f.broken(t.At, []string{id}, "notice %s tells that it was given up, and it was not", t.ID)
			}
		}
	}
	for id, at := range x.givenUp {
		f.Checked++
		switch n := len(notices[id]); {
		case n == 0 && x.Complete && !x.succeeded(id): // an engine that was killed before the notice may have tried again
			f.broken(at, []string{id}, "given up, and no notice tells it")
		case n > 1:
			f.broken(at, []string{id}, "given up, and %d notices tell it", n)
		}
	}
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
