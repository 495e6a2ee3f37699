package filter

import "slices"

// decide tells whether any combination of tests is passed as a whole.
func (w *work) decide() bool {
	for _, c := range w.filter.combinations {
		todo := w.push(c)
		passed := w.settle(0, todo, w.push(w.noTests))
		w.pop(2)
		if passed {
			return true
		}
	}
	return false
}

func (w *work) push(r row) row {
	w.rows = append(w.rows, r...)
	return w.rows[len(w.rows)-w.words:]
}

func (w *work) pop(n int) { w.rows = w.rows[:len(w.rows)-n*w.words] }

// settle tells whether all tests to do are passed in a place, and takes from them those that a value has passed. The
// others are then passed by absence. From the choosers, which were passed outside already, it takes those that a value
// passes here again.
//
// A test is passed by a value that stands in the place itself, or in an array in it. The tests that look into an array
// go there together: all that are left of them must be passed in one element. (Only if an object spells a path in two
// ways, "a.b" beside "b" in "a", may tests look into two arrays. They are then settled in the one with the longer path
// if they can be.) So no place is ever looked at twice for one combination.
func (w *work) settle(place int, todo, choosers row) bool {
	direct := w.passedIn(place)
	inside := w.push(todo)
	defer w.pop(1)
	inside.and(direct)
	inside.or(choosers)
	todo.without(direct)
	choosers.without(direct)
	first := w.places[place].arrays
	for a := first; a != none; a = w.arrays[a].next {
		below := w.arrays[a].node.below
		w.arrays[a].settled = (todo.meets(below) || choosers.meets(below)) && w.settleArray(a, place, todo, choosers, inside)
	}
	if todo.firstBeyond(w.filter.absentable, w.valuedIn(place)) != none {
		return false
	}
	for a := first; a != none; a = w.arrays[a].next {
		if !w.arrays[a].settled && todo.meets(w.valuedInside(a)) {
			return false
		}
	}
	return true
}

// settleArray looks for an element of an array in a place that passes all tests which look into the array. The first of
// them that absence from the whole array does not pass must be passed by a value there, or else one of those before it
// that are passed outside (inside is all of these), so that something has chosen the element; without such a test there
// is nothing to settle. From the tests to do and from the choosers it takes those that a value has passed.
func (w *work) settleArray(array, place int, todo, choosers, inside row) (settled bool) {
	group := w.push(todo)
	defer w.pop(4)
	group.and(w.arrays[array].node.below)
	earlier, left, still := w.push(inside), w.push(group), w.push(inside)
	first := group.firstBeyond(w.filter.absentable, w.valuedInside(array))
	if first == none {
		choosers.without(w.passedInside(array))
		return false
	}
	earlier.and(w.arrays[array].node.below)
	earlier.cut(first)
	for e := w.arrays[array].elements; e != none; e = w.places[e].next {
		copy(left, group)
		copy(still, earlier)
		if w.settle(e, left, still) && (!left.has(first) || !slices.Equal(still, earlier)) && !left.meets(w.valuedIn(place)) {
			todo.without(group)
			todo.or(left)
			earlier.without(still)
			choosers.without(earlier)
			return true
		}
	}
	return false
}
