package policy

import "github.com/esm-run/esm"

// graph is a listing by what follows what.
type graph struct {
	shards   map[string]esm.Shard
	children map[string][]string // by parents, listed or not
	looped   map[string]bool     // shards that are their own ancestors, or lie between two such
}

func newGraph(listed []esm.Shard) graph {
	g := graph{shards: make(map[string]esm.Shard, len(listed)), children: make(map[string][]string, len(listed))}
	for _, shard := range listed {
		if shard.ID != "" {
			g.shards[shard.ID] = shard // of one that is listed twice, the later word counts
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

// findLoops takes away shards without parents, and then those without children, until none is left to take. It needs no
// depth: a table's shards are a chain of thousands.
func (g *graph) findLoops() {
	left := make(map[string]bool, len(g.shards))
	for id := range g.shards {
		left[id] = true
	}
	parents := func(id string) []string { return g.shards[id].Parents }
	children := func(id string) []string { return g.children[id] }
	peel(left, parents, children)
	peel(left, children, parents)
	g.looped = left
}

// peel takes out of left what has nothing before it, and whatever has nothing before it then.
func peel(left map[string]bool, before, after func(id string) []string) {
	count := make(map[string]int, len(left))
	var free []string
	for id := range left {
		for _, b := range before(id) {
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
		for _, a := range after(id) {
			if count[a]--; count[a] == 0 && left[a] {
				free = append(free, a)
			}
		}
	}
}
