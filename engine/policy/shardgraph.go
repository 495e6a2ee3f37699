package policy

import "github.com/esm-run/esm"

// graph is a listing with the children of each shard.
type graph struct {
	shards   map[string]esm.Shard
	children map[string][]string // by parent, listed or not
	looped   map[string]bool     // shards that are their own ancestors, or lie between two such shards
}

func newGraph(listed []esm.Shard) graph {
	g := graph{shards: make(map[string]esm.Shard, len(listed)), children: make(map[string][]string, len(listed))}
	for _, shard := range listed {
		if shard.ID != "" {
			g.shards[shard.ID] = shard // if a shard is listed twice, the last entry counts
		}
	}
	for id, shard := range g.shards {
		for _, parent := range shard.Parents {
			g.children[parent] = append(g.children[parent], id)
		}
	}
	g.findLoops()
	return g
}

// findLoops removes shards without parents, then shards without children, until only loops are left. It does not recurse:
// the shards of a table are a chain of thousands.
func (g *graph) findLoops() {
	parents := make(map[string][]string, len(g.shards))
	for id, shard := range g.shards {
		parents[id] = shard.Parents
	}
	left := make(map[string]bool, len(g.shards))
	for id := range g.shards {
		left[id] = true
	}
	peel(left, parents, g.children)
	peel(left, g.children, parents)
	g.looped = left
}

// peel removes the shards that have none of left before them, and then those that have none before them any more.
func peel(left map[string]bool, before, after map[string][]string) {
	count := make(map[string]int, len(left))
	var free []string
	for id := range left {
		for _, b := range before[id] {
			if left[b] {
				count[id]++
			}
		}
		if count[id] == 0 {
			free = append(free, id)
		}
	}
	for len(free) > 0 {
		id := free[len(free)-1]
		free = free[:len(free)-1]
		delete(left, id)
		for _, a := range after[id] {
			if count[a]--; count[a] == 0 && left[a] {
				free = append(free, a)
			}
		}
	}
}
