package filter

import "slices"

// matches reports whether a record passes all tests of one combination.
func (f *Filter) matches(record *place) bool {
	for _, c := range f.combinations {
		if f.settle(record, slices.Clone(c), make(set, len(c))) {
			return true
		}
	}
	return false
}

// settle reports whether all tests in todo pass in p. It removes from todo those that a value passed; the rest passed
// because there is no value. From outer, tests that a value outside p has passed already, it removes those that a value
// in p passes too.
//
// A value may stand in p itself or in an array in p. All tests in todo that look into an array must pass in the same
// element of it. Two arrays compete for a test only if the record spells a path in two ways, "a.b" beside "b" in "a";
// the one with the longer path comes first. For one combination, settle visits each place once at most.
func (f *Filter) settle(p *place, todo, outer set) bool {
	done := slices.Clone(todo)
	done.intersect(p.passed)
	done.union(outer)
	todo.subtract(p.passed)
	outer.subtract(p.passed)
	settled := make([]bool, len(p.arrays))
	for i, a := range p.arrays {
		settled[i] = (todo.intersects(a.node.below) || outer.intersects(a.node.below)) && f.settleArray(a, p, todo, outer, done)
	}
	if todo.firstRequired(f.optional, p.valued) != none {
		return false
	}
	for i, a := range p.arrays {
		if !settled[i] && todo.intersects(a.valued) {
			return false
		}
	}
	return true
}

// settleArray looks for an element of an array in p that passes all tests in todo that look into the array, and updates
// todo and outer as settle does. done are the tests that a value in p or outside p has passed.
//
// {"exists": false} is judged within an element only if another test chooses that element. So the element must hold a
// value that passes the first test that absence from the whole array does not pass, or a value that passes one of the
// tests before it that are done. If there is no such first test, no element needs to be chosen.
func (f *Filter) settleArray(a *array, p *place, todo, outer, done set) bool {
	group := slices.Clone(todo)
	group.intersect(a.node.below)
	first := group.firstRequired(f.optional, a.valued)
	if first == none {
		outer.subtract(a.passed)
		return false
	}
	before := slices.Clone(done)
	before.intersect(a.node.below)
	before.truncate(first)
	for _, e := range slices.Backward(a.elements) {
		left, unchosen := slices.Clone(group), slices.Clone(before)
		if !f.settle(e, left, unchosen) {
			continue
		}
		chosen := !left.has(first) || !slices.Equal(unchosen, before)
		if chosen && !left.intersects(p.valued) {
			todo.subtract(group)
			todo.union(left)
			before.subtract(unchosen)
			outer.subtract(before)
			return true
		}
	}
	return false
}
