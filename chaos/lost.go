package chaos

import (
	"slices"
	"time"
)

// nothingLost checks each record: what a queue was asked to delete was handled before, and at the end of a complete run
// every record has ended.
func nothingLost(x *index, f *Finding) {
	remaining := map[string]bool{}
	for _, id := range x.Remaining {
		remaining[id] = true
	}
	for _, r := range x.Sent {
		f.Checked++
		if at, early := x.settledEarly(r); early {
			f.broken(at, []string{r.ID}, "deleted, and no handler had it successfully before")
			continue
		}
		if !x.Complete {
			continue
		}
		switch {
		case remaining[r.ID]:
			f.broken(time.Time{}, []string{r.ID}, "still in the queue at the end")
		case r.Shard == "" && len(x.settled[r.ID]) == 0 && !x.dead[r.ID]:
			f.broken(time.Time{}, []string{r.ID}, "neither settled nor in the dead-letter queue at the end")
		case r.Shard != "" && !r.Unwanted && !x.ended(r.ID):
			f.broken(time.Time{}, []string{r.ID}, "neither handled successfully nor given up at the end")
		}
	}
}

// settledEarly returns when a wanted record was deleted although no handler had it successfully.
func (x *index) settledEarly(r Record) (time.Time, bool) {
	if r.Unwanted {
		return time.Time{}, false
	}
	for _, at := range x.settled[r.ID] {
		if !x.succeededBy(r.ID, at) {
			return at, true
		}
	}
	return time.Time{}, false
}

// ended reports whether a record of a stream was handled successfully or given up at any time.
func (x *index) ended(id string) bool {
	_, gone := x.givenUp[id]
	return gone || x.succeeded(id)
}

// succeeded reports whether a record was handled successfully at any time.
func (x *index) succeeded(id string) bool {
	return slices.ContainsFunc(x.handled[id], func(c *Call) bool { return slices.Contains(c.Succeeded, id) })
}

// Unsettled returns the wanted records of streams that were not handled successfully yet, and of which no notice tells that they
// were given up. To give a record up is not enough: what the engine could not save then, it does again.
func Unsettled(h History) (ids []string) {
	x, told := newIndex(h), map[string]bool{}
	for _, t := range h.Told {
		for _, id := range t.Records {
			told[id] = true
		}
	}
	for _, r := range h.Sent {
		if r.Shard != "" && !r.Unwanted && !told[r.ID] && !x.succeeded(r.ID) {
			ids = append(ids, r.ID)
		}
	}
	return ids
}

// positionBehind checks each durable position against the records before it.
func positionBehind(x *index, f *Finding) {
	shards := map[string][]Record{}
	for _, r := range x.Sent {
		shards[r.Shard] = append(shards[r.Shard], r)
	}
	passed := map[string]int{} // by shard: how many of its records are known to be settled
	for _, p := range x.Positions {
		f.Checked++
		recs := shards[p.Shard]
		last := slices.IndexFunc(recs, func(r Record) bool { return r.ID == p.After })
		for i := passed[p.Shard]; i <= last; i++ {
			r := recs[i]
			if !r.Unwanted && !x.succeededBy(r.ID, p.At) && !x.givenUpBy(r.ID, p.At) {
				f.broken(p.At, []string{r.ID}, "the position of %s is after %s, and this record is not settled", p.Shard, p.After)
			}
		}
		passed[p.Shard] = max(passed[p.Shard], last+1)
	}
}
