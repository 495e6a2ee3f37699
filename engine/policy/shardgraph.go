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

// findLoops takes away shards without parents, and then those without children, until none is left to take. It calls
// nothing by itself: a table's shards are a chain of thousands.
func (g *graph) findLoops() {
	ids := make([]string, 0, len(g.shards))
	number := make(map[string]int, len(g.shards))
	for id := range g.shards {
		number[id] = len(ids)
		ids = append(ids, id)
	}
	parents, children := make([][]int, len(ids)), make([][]int, len(ids))
	for child, id := range ids {
		for _, p := range g.shards[id].Parents {
			if parent, isListed := number[p]; isListed {
				parents[child] = append(parents[child], parent)
				children[parent] = append(children[parent], child)
			}
		}
	}
	taken := make([]bool, len(ids))
	peel(taken, parents, children)
	peel(taken, children, parents)
	g.looped = make(map[string]bool)
	for i, id := range ids {
		if !taken[i] {
			g.looped[id] = true
		}
	}
}

// peel takes what has nothing before it, and whatever has nothing before it then.
func peel(taken []bool, before, after [][]int) {
	count := make([]int, len(taken))
	var free []int
	for i := range taken {
		for _, b := range before[i] {
			if !taken[b] {
				count[i]++
			}
		}
		if !taken[i] && count[i] == 0 {
			free = append(free, i)
		}
	}
	for len(free) > 0 {
		i := free[len(free)-1]
		free = free[:len(free)-1]
		taken[i] = true
		for _, a := range after[i] {
			if count[a]--; count[a] == 0 && !taken[a] {
				free = append(free, a)
			}
		}
	}
}
