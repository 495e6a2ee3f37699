package filter

import (
	"slices"
	"unicode/utf8"
)

// work is what is known of one record: which tests found a value, and which of them passed, in each place. A place is a
// part of the record in which everything goes together: place 0 is the record outside of arrays, and every element of
// an array is another (if it is an array or an object itself). Work is reused; it belongs to one Match at a time.
type work struct {
	filter *Filter
	words  int // of a row

	places []place
	arrays []arrayFound
	passed []uint64 // a row for each place: tests that a value in it passed
	valued []uint64 // likewise: tests that found a value in it
	inside []uint64 // a row for each array: tests that found a value in an element, however deep
	gained []uint64 // likewise: tests that a value in an element passed

	noTests row // stays empty

	seen      []sighting // keys of the objects that are being read
	repeated  []int      // positions of values whose key comes again
	text      []byte     // the text of the record, unescaped
	unescaped []byte     // the key or the string in hand
	rows      []uint64   // a stack
}

type sighting struct {
	node *node
	pos  int
}

type place struct {
	arrays int // the first array in it, the longest path first
	next   int // the next element of the same array
}

type arrayFound struct {
	node     *node
	elements int  // its first element in which anything was found
	next     int  // the next array in the same place
	settled  bool // whether an element was settled on, for the combination in hand
}

func (w *work) reset() {
	w.places, w.arrays = w.places[:0], w.arrays[:0]
	w.passed, w.valued, w.inside, w.gained = w.passed[:0], w.valued[:0], w.inside[:0], w.gained[:0]
	w.seen, w.repeated, w.rows = w.seen[:0], w.repeated[:0], w.rows[:0]
	w.openElement()
}

// modest tells whether the work is small enough to be kept for another record.
func (w *work) modest() bool {
	const most = 4 << 20
	return cap(w.text)+cap(w.unescaped)+8*(cap(w.passed)+cap(w.valued)+cap(w.inside)+cap(w.gained)+cap(w.rows))+
		16*cap(w.places)+24*cap(w.arrays) <= most
}

func (w *work) passedIn(place int) row     { return w.passed[place*w.words:][:w.words] }
func (w *work) valuedIn(place int) row     { return w.valued[place*w.words:][:w.words] }
func (w *work) valuedInside(array int) row { return w.inside[array*w.words:][:w.words] }
func (w *work) passedInside(array int) row { return w.gained[array*w.words:][:w.words] }

// document reads a JSON text found at n in a place. It reports false if the text is not JSON; what was found is then
// to be forgotten.
func (w *work) document(buf []byte, n *node, place int) bool {
	seen, repeated, arrays, places := len(w.seen), len(w.repeated), len(w.arrays), len(w.places)
	s := scanner{work: w, buf: buf}
	ok := s.document(n, place)
	if ok && len(w.repeated) > repeated {
		skipped := w.repeated[repeated:]
		slices.Sort(skipped)
		w.forget(n, place, arrays, places)
		again := scanner{work: w, buf: buf, skipped: skipped}
		again.document(n, place)
	}
	if !ok {
		w.forget(n, place, arrays, places)
	}
	w.seen, w.repeated = w.seen[:seen], w.repeated[:repeated]
	return ok
}

// forget takes back what was found at n and below, in a place and in all arrays and places opened since.
func (w *work) forget(n *node, place, arrays, places int) {
	w.passedIn(place).without(n.below)
	w.valuedIn(place).without(n.below)
	link := &w.places[place].arrays
	for *link != none {
		if *link >= arrays {
			*link = w.arrays[*link].next
		} else {
			link = &w.arrays[*link].next
		}
	}
	w.truncate(arrays, places)
}

func (w *work) truncate(arrays, places int) {
	w.arrays = w.arrays[:arrays]
	w.inside, w.gained = w.inside[:arrays*w.words], w.gained[:arrays*w.words]
	w.places = w.places[:places]
	w.passed, w.valued = w.passed[:places*w.words], w.valued[:places*w.words]
}

// str takes a string that was found.
func (w *work) str(n *node, place int, raw []byte, escaped bool) {
	if n.parsed != nil {
		w.readText(n, place, raw, escaped)
		return
	}
	if len(n.tests) == 0 {
		return
	}
	if escaped {
		w.unescaped = unescape(w.unescaped[:0], raw)
		raw = w.unescaped
	}
	w.found(n, place, value{form: aString, text: raw})
}

// readText takes the text, which may be JSON. Tests of the text as such and tests of what is in it exclude each other:
// those that do not apply are failed, {"exists": false} too, by a value that none of their rules was shown.
func (w *work) readText(n *node, place int, raw []byte, escaped bool) {
	if escaped {
		w.text = unescape(w.text[:0], raw)
		raw = w.text
	}
	if utf8.Valid(raw) && w.document(raw, n.parsed, place) {
		w.valuedIn(place).or(n.here)
		return
	}
	w.valuedIn(place).or(n.parsed.below)
	w.found(n, place, value{form: aString, text: raw})
}

// found shows a value to the tests of n.
func (w *work) found(n *node, place int, v value) {
	if len(n.tests) == 0 {
		return
	}
	w.valuedIn(place).or(n.here)
	passed := w.passedIn(place)
	for _, t := range n.tests {
		if !passed.has(t) && w.filter.tests[t].passedBy(v) {
			passed.set(t)
		}
	}
}

func (w *work) openElement() int {
	w.places = append(w.places, place{none, none})
	w.passed = w.grow(w.passed)
	w.valued = w.grow(w.valued)
	return len(w.places) - 1
}

func (w *work) openArray(n *node) int {
	w.arrays = append(w.arrays, arrayFound{node: n, elements: none, next: none})
	w.inside = w.grow(w.inside)
	w.gained = w.grow(w.gained)
	return len(w.arrays) - 1
}

func (w *work) grow(rows []uint64) []uint64 {
	for range w.words {
		rows = append(rows, 0)
	}
	return rows
}

// closeElement adds the element to its array, or forgets it if nothing was found in it. It is the last place then.
func (w *work) closeElement(e, array int) {
	found := w.places[e].arrays
	if found == none && w.valuedIn(e).empty() {
		w.truncate(len(w.arrays), e)
		return
	}
	inside, gained := w.valuedInside(array), w.passedInside(array)
	inside.or(w.valuedIn(e))
	gained.or(w.passedIn(e))
	for ; found != none; found = w.arrays[found].next {
		inside.or(w.valuedInside(found))
		gained.or(w.passedInside(found))
	}
	w.places[e].next, w.arrays[array].elements = w.arrays[array].elements, e
}

// closeArray adds the array to the place that it is in, or forgets it if nothing was found in it. It is the last array
// then. Arrays with longer paths come first: see [work.settle].
func (w *work) closeArray(array, place int) {
	if w.arrays[array].elements == none {
		w.truncate(array, len(w.places))
		return
	}
	link := &w.places[place].arrays
	for *link != none && w.arrays[*link].node.depth >= w.arrays[array].node.depth {
		link = &w.arrays[*link].next
	}
	w.arrays[array].next, *link = *link, array
}
