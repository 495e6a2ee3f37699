package chaos

import (
	"slices"
	"time"
)

// orderKept follows each group through the calls in the order in which they began.
func orderKept(x *index, f *Finding) {
	groups := map[string][]string{}
	for _, r := range x.Sent {
		if g := r.group(); g != "" && !r.Unwanted && !x.dead[r.ID] {
			groups[g] = append(groups[g], r.ID)
		}
	}
	for _, ids := range groups {
		f.Checked += len(ids)
		x.followGroup(ids, f)
	}
	x.neverAtOnce(f)
}

// followGroup checks that each call with records of one group has them after all earlier ones.
func (x *index) followGroup(ids []string, f *Finding) {
	place := make(map[string]int, len(ids))
	for i, id := range ids {
		place[id] = i
	}
	settled := 0 // the first records of the group that are known to be settled
	for _, c := range x.callsWith(ids) {
		for settled < len(ids) && x.settledBefore(ids[settled], c.Began) {
			settled++
		}
		expected := settled
		for i, id := range c.Records {
			n, ours := place[id]
			if !ours || slices.Contains(c.Records[:i], id) {
				continue
			}
			for ; expected < n; expected++ {
				if missing := ids[expected]; !x.settledBefore(missing, c.Began) {
					f.broken(c.Began, []string{missing, id}, "%s was handled before %s", id, missing)
				}
			}
			expected = max(expected, n+1)
		}
	}
}

// settledBefore reports whether a record was handled successfully or given up by then.
func (x *index) settledBefore(id string, then time.Time) bool {
	return x.succeededBy(id, then) || x.givenUpBy(id, then)
}

// callsWith returns the calls in which the handler saw one of these records, in the order in which they began.
func (x *index) callsWith(ids []string) (calls []*Call) {
	seen := map[*Call]bool{}
	for _, id := range ids {
		for _, c := range x.handled[id] {
			if !seen[c] {
				seen[c] = true
				calls = append(calls, c)
			}
		}
	}
	slices.SortStableFunc(calls, func(a, b *Call) int { return a.Began.Compare(b.Began) })
	return calls
}

// neverAtOnce checks that no two calls with records of one group run at once, unless the records of one of them were visible
// again when the later one began.
func (x *index) neverAtOnce(f *Finding) {
	running := map[string]*Call{} // by group: the call that ends last
	for _, c := range x.calls {
		if !c.Ran {
			continue
		}
		for _, id := range c.Records {
			i, known := x.place[id]
			if !known {
				continue
			}
			g := x.Sent[i].group()
			if g == "" {
				continue
			}
			if other := running[g]; other != nil && other != c && other.Ended.After(c.Began) && !x.outlived(other, g, c.Began) && !x.outlived(c, g, c.Began) {
				f.broken(c.Began, []string{id}, "invocations %s and %s had records of %s at once", other.ID, c.ID, g)
			}
			if other := running[g]; other == nil || c.Ended.After(other.Ended) {
				running[g] = c
			}
		}
	}
}

// outlived reports whether the records that a call has of a group were visible again at a moment.
func (x *index) outlived(c *Call, group string, then time.Time) bool {
	for _, id := range c.Records {
		if i, known := x.place[id]; known && x.Sent[i].group() == group {
			if x.visible(c, id, then) {
				return true
			}
		}
	}
	return false
}
