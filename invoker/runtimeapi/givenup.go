package runtimeapi

import "slices"

// rememberedIDs is how many invocations that timed out are remembered for their late answers.
const rememberedIDs = 1000

// givenUp holds the ids of invocations that timed out and were not answered since; the oldest are forgotten.
type givenUp struct{ ids []string }

func (g *givenUp) add(id string) {
	if len(g.ids) == rememberedIDs {
		g.ids = slices.Delete(g.ids, 0, 1)
	}
	g.ids = append(g.ids, id)
}

// take forgets id. It reports whether id was remembered.
func (g *givenUp) take(id string) bool {
	i := slices.Index(g.ids, id)
	if i < 0 {
		return false
	}
	g.ids = slices.Delete(g.ids, i, i+1)
	return true
}

func (g *givenUp) forget(id string) { g.take(id) }
