package policy

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"github.com/esm-run/esm"
)

// Values of a mapping's StartingPosition.
const (
	TrimHorizon = "TRIM_HORIZON"
	Latest      = "LATEST"
	AtTimestamp = "AT_TIMESTAMP"
)

// Shards decides when each shard of a stream is read, and from where. The start depends on the state of the shard when the
// mapping was first seen:
//
//	             open                 closed          found later
//	TrimHorizon  oldest record        oldest record   oldest record
//	Latest       records after then   never read      oldest record
//	AtTimestamp  timestamp            timestamp       timestamp
//
// Parents are read to their end before their children. Whatever a listing contains, no shard waits forever and no listed
// shard is left out: if a listing is wrong, order is given up rather than records.
type Shards struct {
	Start string    // TrimHorizon, Latest or AtTimestamp
	At    time.Time // the timestamp
}

// Opening is a shard to read and where to start.
type Opening struct {
	Shard string
	From  esm.From
}

// Plan is what to do about the shards of a stream. Its lists are sorted by ID.
type Plan struct {
	// Read are the shards that may be read now, including those that are being read already. A shard that is being read
	// but is missing here, because a later listing differs, continues to be read.
	Read []Opening

	// Waiting are listed shards with a parent that is not read to its end.
	Waiting []string

	// Unlisted are shards that should be listed and are not: parents that shards wait for, and shards with a checkpoint.
	// Pass them to the next call of Plan. Relist means that another listing may change the plan now.
	Unlisted []string
	Relist   bool

	// Forget are shards whose checkpoints are not needed any more.
	Forget []string
}

// InitialCheckpoints returns the checkpoints to save before a new mapping's first read: where Latest was, and which shards
// were closed by then. listed is the stream's first listing. kept are checkpoints that an interrupted attempt saved; they
// stay as they are. Nothing else sets or clears the Since of a Checkpoint of a Latest mapping.
func (s Shards) InitialCheckpoints(listed []esm.Shard, kept map[string]esm.Checkpoint, now time.Time) map[string]esm.Checkpoint {
	if s.Start != Latest {
		return nil
	}
	for id, cp := range kept {
		if id != "" && !cp.Since.IsZero() && cp.Since.Before(now) {
			now = cp.Since
		}
	}
	rows := make(map[string]esm.Checkpoint, len(listed))
	for _, shard := range listed {
		if _, known := kept[shard.ID]; !known && shard.ID != "" {
			rows[shard.ID] = esm.Checkpoint{Since: now, Drained: shard.Closed}
		}
	}
	return rows
}

// Plan returns the plan for a listing and the mapping's checkpoints, including those of InitialCheckpoints. unlisted is the
// Unlisted of the previous plan: a shard that is missing again is gone.
//
//   - A shard with a settled record continues to be read, listed or not: opening it shows whether it is gone.
//   - A parent that is neither listed nor kept was read, or is gone, or was missed: its child waits for one more listing.
//     A parent that appears later is still read.
//   - For Latest, a shard that appears later and is an ancestor of a shard that was there at first was closed by then: it
//     is not read.
//   - Shards that are their own ancestors do not wait for each other.
//   - A drained shard is forgotten once it is gone and its children have started.
func (s Shards) Plan(listed []esm.Shard, kept map[string]esm.Checkpoint, unlisted []string) Plan {
	p := planner{Shards: s, graph: newGraph(listed), kept: kept, gone: setOf(unlisted), missing: make(map[string]bool)}
	if s.Start == Latest {
		p.markPast()
	}
	var plan Plan
	for id, shard := range p.shards {
		switch {
		case p.finished(id):
		case p.mayStart(shard):
			plan.Read = append(plan.Read, Opening{Shard: id, From: s.From(kept[id])})
		default:
			plan.Waiting = append(plan.Waiting, id)
		}
	}
	for id, cp := range kept {
		if _, isListed := p.shards[id]; isListed || id == "" {
			continue
		}
		p.missing[id] = true
		switch {
		case !cp.Drained:
			plan.Read = append(plan.Read, Opening{Shard: id, From: s.From(cp)})
		case p.gone[id] && p.childrenStarted(id):
			plan.Forget = append(plan.Forget, id)
		}
	}
	slices.SortFunc(plan.Read, func(a, b Opening) int { return cmp.Compare(a.Shard, b.Shard) })
	slices.Sort(plan.Waiting)
	slices.Sort(plan.Forget)
	plan.Unlisted = slices.Sorted(maps.Keys(p.missing))
	plan.Relist = slices.ContainsFunc(plan.Unlisted, func(id string) bool { return !p.gone[id] })
	return plan
}

// From returns where to read a shard with this checkpoint from.
func (s Shards) From(cp esm.Checkpoint) esm.From {
	switch {
	case cp.Position != "":
		return esm.From{After: cp.Position}
	case !cp.Since.IsZero():
		return esm.From{At: cp.Since}
	case s.Start == AtTimestamp:
		return esm.From{At: s.At}
	}
	return esm.From{}
}

// planner holds what a plan depends on.
type planner struct {
	Shards
	graph
	kept    map[string]esm.Checkpoint
	gone    map[string]bool // missing in the previous listing: gone if missing in this one
	missing map[string]bool // should be listed and is not
	past    map[string]bool // closed before a Latest mapping was first seen, and listed only since
}

// finished reports whether nothing more is to be read from a shard.
func (p *planner) finished(id string) bool { return p.kept[id].Drained || p.past[id] }

// mayStart reports whether a shard has started, or no parent holds it back.
func (p *planner) mayStart(shard esm.Shard) bool {
	cp := p.kept[shard.ID]
	if cp.Position != "" || len(cp.Owed) > 0 {
		return true
	}
	free := true
	for _, parent := range shard.Parents {
		_, isListed := p.shards[parent]
		_, isKept := p.kept[parent]
		switch {
		case p.finished(parent), p.looped[shard.ID] && p.looped[parent]:
		case isListed || isKept:
			free = false
		case !cp.Since.IsZero(): // an unknown parent would be past
		default:
			p.missing[parent] = true
			free = free && p.gone[parent]
		}
	}
	return free
}

// childrenStarted reports whether no listed shard might still wait for this one.
func (p *planner) childrenStarted(id string) bool {
	return !slices.ContainsFunc(p.children[id], func(child string) bool {
		cp := p.kept[child]
		return cp.Position == "" && cp.Since.IsZero() && !p.finished(child)
	})
}

// markPast finds the shards that existed when the mapping was first seen but were not listed then: the ancestors of the
// shards that were.
func (p *planner) markPast() {
	p.past = make(map[string]bool)
	visited := make(map[string]bool, len(p.shards))
	var climb []string
	for id, cp := range p.kept {
		if id != "" && !cp.Since.IsZero() {
			climb = append(climb, id)
		}
	}
	for len(climb) > 0 {
		id := climb[len(climb)-1]
		climb = climb[:len(climb)-1]
		if visited[id] {
			continue
		}
		visited[id] = true
		for _, parent := range p.shards[id].Parents {
			if _, isKept := p.kept[parent]; !isKept {
				p.past[parent] = true
			}
			climb = append(climb, parent)
		}
	}
}

func setOf(ids []string) map[string]bool {
	set := make(map[string]bool, len(ids))
	for _, id := range ids {
		set[id] = true
	}
	return set
}
