package chaos

import (
	"slices"
	"time"
)

// repeatsExplained checks each record that the handler saw more than once.
func repeatsExplained(x *index, f *Finding) {
	for _, r := range x.Sent {
		calls := x.handled[r.ID]
		for k := 1; k < len(calls); k++ {
			f.Checked++
			if x.explains(r, calls[k-1], calls[k]) == "" {
				f.broken(calls[k].Began, []string{r.ID}, "handled again by %s after %s had succeeded, and no fault explains it", calls[k].ID, calls[k-1].ID)
			}
		}
	}
}

// explains returns why a record was handled again; it is empty if nothing explains that.
func (x *index) explains(r Record, before, again *Call) string {
	if !slices.Contains(before.Succeeded, r.ID) {
		return "not successful: " + before.Answer
	}
	if f, found := x.struck(r, before.Began, again.Began); found {
		return string(f.Fault)
	}
	for _, f := range x.faults[r.ID] { // a copy may have been returned long before it is handled
		if f.Fault == SourceRepeats && !f.At.After(again.Began) {
			return string(f.Fault)
		}
	}
	switch {
	case x.visible(before, r.ID, x.settledAfter(r.ID, before.Ended, again.Began)):
		return "settled after it was visible again"
	case x.visible(again, r.ID, again.Began):
		return "handled after it was visible again"
	}
	return ""
}

// deleteWithin is how soon after an answer the engine asks to delete what it settles.
const deleteWithin = time.Second

// settledAfter returns when a record was to be deleted because of a call that ended, or the end of the call if that was not
// soon after it. A call that goes on when the next one begins has settled nothing by then.
func (x *index) settledAfter(id string, ended, next time.Time) time.Time {
	if next.Before(ended) {
		return next
	}
	for _, s := range x.settled[id] {
		if !s.Before(ended) && s.Sub(ended) <= deleteWithin {
			return s
		}
	}
	return ended
}

// Repeat is one record that the handler saw again.
type Repeat struct {
	Record string
	At     time.Time
	Why    string // empty if nothing explains it
}

// Repeats returns every record that the handler saw again, with the reason.
func Repeats(h History) (repeats []Repeat) {
	x := newIndex(h)
	for _, r := range x.Sent {
		calls := x.handled[r.ID]
		for k := 1; k < len(calls); k++ {
			repeats = append(repeats, Repeat{r.ID, calls[k].Began, x.explains(r, calls[k-1], calls[k])})
		}
	}
	return repeats
}
