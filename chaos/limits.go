package chaos

import (
	"cmp"
	"slices"
	"time"
)

// capsKept checks batch sizes, and how many invocations run at once.
func capsKept(x *index, f *Finding) {
	type change struct {
		at time.Time
		by int
		c  *Call
	}
	var changes []change
	for _, c := range x.calls {
		f.Checked++
		if x.Limits.Batch > 0 && len(c.Records) > x.Limits.Batch {
			f.broken(c.Began, []string{c.ID}, "an invocation with %d records, and the limit is %d", len(c.Records), x.Limits.Batch)
		}
		changes = append(changes, change{c.Began, 1, c}, change{c.Ended, -1, c})
	}
	if x.Limits.Concurrency == 0 {
		return
	}
	slices.SortStableFunc(changes, func(a, b change) int { return cmp.Or(a.at.Compare(b.at), cmp.Compare(a.by, b.by)) })
	running := 0
	for _, ch := range changes {
		if running += ch.by; ch.by > 0 && running > x.Limits.Concurrency {
			f.broken(ch.at, []string{ch.c.ID}, "%d invocations at once, and the limit is %d", running, x.Limits.Concurrency)
		}
	}
}

// triesLimited counts the answers by invocation, and what the handler saw by record.
func triesLimited(x *index, f *Finding) {
	tries, first := map[string]int{}, map[string]time.Time{}
	for _, c := range x.calls {
		if !c.Ran || c.Unknown { // without an answer there is no failure to count
			continue
		}
		if tries[c.ID]++; tries[c.ID] == 1 {
			first[c.ID] = c.Ended
		}
		limit := x.Limits.Tries
		if len(c.Records) == 0 { // of an event: its count is stored after the answer
			limit += x.kills(first[c.ID], c.Began)
		}
		if x.Limits.Tries > 0 && tries[c.ID] > limit {
			f.broken(c.Began, []string{c.ID}, "tried %d times, and the limit is %d", tries[c.ID], limit)
		}
	}
	f.Checked = len(tries)
	if x.Limits.Deliveries == 0 {
		return
	}
	for id, calls := range x.handled {
		f.Checked++
		limit := x.Limits.Deliveries
		for _, injected := range x.faults[id] {
			if injected.Fault == SourceRepeats {
				limit++
			}
		}
		if len(calls) > limit {
			f.broken(calls[limit].Began, []string{id}, "handled %d times, and the limit is %d", len(calls), limit)
		}
	}
}

// kills returns how often the engine was killed between two moments.
func (x *index) kills(from, to time.Time) (n int) {
	for _, f := range x.process {
		if f.Fault == EngineKill && !f.At.Before(from) && !f.At.After(to) {
			n++
		}
	}
	return n
}

// runIDsKept compares the records of invocations that share an ID.
func runIDsKept(x *index, f *Finding) {
	first := map[string]*Call{}
	for _, c := range x.calls {
		earlier := first[c.ID]
		if earlier == nil {
			f.Checked++
			first[c.ID] = c
			continue
		}
		if !slices.Equal(earlier.Records, c.Records) {
			f.broken(c.Began, []string{c.ID}, "invoked with %v, and before with %v", c.Records, earlier.Records)
		}
	}
}

// nothingHeld checks that all is released at the end.
func nothingHeld(x *index, f *Finding) {
	f.Checked = 1
	for _, held := range x.Held {
		f.broken(time.Time{}, nil, "%s", held)
	}
}
