package policy

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"github.com/esm-run/esm"
)

// Where the reading of a stream begins, in the words of a mapping's StartingPosition.
const (
	TrimHorizon = "TRIM_HORIZON"
	Latest      = "LATEST"
	AtTimestamp = "AT_TIMESTAMP"
)

// Shards decides which shards of a stream are read when, and where each begins.
//
//	             open when first seen   closed by then   found later
//	TrimHorizon  the oldest record      the oldest       the oldest
//	Latest       what comes from then   never read       the oldest
//	AtTimestamp  the timestamp          the timestamp    the timestamp
//
// Parents are read to their end before their children begin. Whatever a listing says, no shard waits for ever and none
// that was listed is left out: where a listing was wrong, order is given up before records are.
type Shards struct {
	Start string    // TrimHorizon, Latest or AtTimestamp
	At    time.Time // the timestamp
}

// Opening is a shard and where its reading begins.
type Opening struct {
	Shard string
	From  esm.From
}

// Plan is what to do about the shards of a stream. All of it is sorted by ID.
type Plan struct {
	// Read are the shards that may be read now, also those that are being read already. A listing may change its mind:
	// one that is being read and not among them is read on.
	Read []Opening

	// Waiting are listed shards with a parent that is not at its end.
	Waiting []string

	// Unlisted are shards that ought to be listed and are not: parents of shards that wait for them, and what is kept.
	// They go to the next Ready. Relist says that another listing, now, may change the plan.
	Unlisted []string
	Relist   bool

	// Forget are shards of which nothing needs to be kept any more.
	Forget []string
}

// First is what has to be made durable before a mapping that was never seen counts as seen: where Latest was, and which
// shards had been closed by then. listed is the stream's first listing; kept is what an attempt that was broken off has
// left, and stays as it is. Of a Latest mapping, nobody else sets the Since of a Checkpoint, and nobody clears it.
func (s Shards) First(listed []esm.Shard, kept map[string]esm.Checkpoint, now time.Time) map[string]esm.Checkpoint {
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

// Ready plans by a listing and by what is kept of the mapping, with what First gave. unlisted is what the plan before
// this one has told as Unlisted: what is missing again is gone.
//
//   - A shard of which a record was settled is read on, whether it is listed or not: opening it tells if it is gone.
//   - A parent that is neither listed nor kept has been read, or is gone, or was missed: its child waits for one listing
//     more, and no longer. A parent that turns up later is read nevertheless.
//   - What turns up later and is an ancestor of a shard that was there when a Latest mapping was first seen had been
//     closed by then: it is not read.
//   - Shards that are their own ancestors do not wait for each other.
//   - A drained shard is forgotten when it is gone and its children have begun.
func (s Shards) Ready(listed []esm.Shard, kept map[string]esm.Checkpoint, unlisted []string) Plan {
	p := planner{Shards: s, graph: newGraph(listed), kept: kept, gone: setOf(unlisted), missing: make(map[string]bool)}
	if s.Start == Latest {
		p.markPast()
	}
	var plan Plan
	for id, shard := range p.shards {
		switch {
		case p.finished(id):
		case p.mayBegin(shard):
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
		case p.gone[id] && p.childrenBegan(id):
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

// From is where a shard is read from, by what is kept of it.
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

// planner is what one plan is made from.
type planner struct {
	Shards
	graph
	kept    map[string]esm.Checkpoint
	gone    map[string]bool // not listed before: one that is not listed now, either, is gone
	missing map[string]bool // ought to be listed and is not
	past    map[string]bool // closed before a Latest mapping was first seen, and listed since
}

// finished says that nothing of a shard is to be read any more.
func (p *planner) finished(id string) bool { return p.kept[id].Drained || p.past[id] }

// mayBegin says that a shard has begun, or that no parent holds it back.
func (p *planner) mayBegin(shard esm.Shard) bool {
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
		case !cp.Since.IsZero(): // a parent that is not known by now would be past
		default:
			p.missing[parent] = true
			free = free && p.gone[parent]
		}
	}
	return free
}

// childrenBegan says that no listed shard might still wait for this one.
func (p *planner) childrenBegan(id string) bool {
	return !slices.ContainsFunc(p.children[id], func(child string) bool {
		cp := p.kept[child]
		return cp.Position == "" && cp.Since.IsZero() && !p.finished(child)
	})
}

// markPast finds the shards that were not listed when the mapping was first seen, although they had been there.
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
