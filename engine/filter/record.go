package filter

import (
	"slices"
	"unicode/utf8"
)

// results are the outcomes of tests in some part of a record.
type results struct {
	passed set // tests that a value passed
	valued set // tests that found a value
}

func (r results) include(other results) {
	r.passed.union(other.passed)
	r.valued.union(other.valued)
}

// place is a part of a record whose values belong together: the record outside arrays, or one array or object that is
// an element of an array.
type place struct {
	results          // of values directly in the place
	arrays  []*array // in the place, those with longer paths first
}

// array is an array in a place.
type array struct {
	results  // of values in any element, at any depth
	node     *node
	elements []*place
}

func (f *Filter) newResults() results {
	n := len(f.optional)
	sets := make(set, 2*n)
	return results{passed: sets[:n], valued: sets[n:]}
}

func (f *Filter) newPlace() *place { return &place{results: f.newResults()} }

// read reads a JSON text found at n. It returns nil if the text is not JSON.
func (f *Filter) read(text []byte, n *node) *place {
	r, p := &reader{text: text}, f.newPlace()
	f.value(r, n, p)
	r.peek()
	if r.bad || r.at < len(text) {
		return nil
	}
	if r.repeats {
		p = f.newPlace()
		f.value(&reader{text: text, lastOnly: true}, n, p)
	}
	return p
}

// value reads the value found at n in p.
func (f *Filter) value(r *reader, n *node, p *place) {
	switch r.peek() {
	case '{':
		f.object(r, n, p)
	case '[':
		f.array(r, n, p)
	case '"':
		if raw := r.str(); n.wanted() {
			f.str(n, p, raw)
		}
	case 'n':
		p.found(n, value{aNull, r.word()})
	case 'f':
		p.found(n, value{aFalse, r.word()})
	case 't':
		p.found(n, value{aTrue, r.word()})
	default:
		p.found(n, value{aNumber, r.word()})
	}
}

// object reads an object. If a key that tests ask for is repeated, only its last value counts.
func (f *Filter) object(r *reader, n *node, p *place) {
	type member struct {
		node *node
		at   int
	}
	var room [8]member
	members := room[:0]
	r.open()
	for first := true; r.more('}', first); first = false {
		child := n.child(r.str())
		r.expect(':')
		if child != ignored {
			before := len(members)
			members = slices.DeleteFunc(members, func(m member) bool { return m.node == child })
			r.repeats = r.repeats || len(members) < before
			members = append(members, member{child, r.at})
		}
		if r.lastOnly {
			child = ignored
		}
		f.value(r, child, p)
	}
	if !r.lastOnly {
		return
	}
	end := r.at
	for _, m := range members {
		r.at = m.at
		f.value(r, m.node, p)
	}
	r.at = end
}

// array reads an array. Values directly in it belong to p; each array or object in it is a place of its own.
func (f *Filter) array(r *reader, n *node, p *place) {
	a := &array{node: n}
	r.open()
	for first := true; r.more(']', first); first = false {
		if c := r.peek(); c != '[' && c != '{' || !n.wanted() {
			f.value(r, n, p)
			continue
		}
		e := f.newPlace()
		f.value(r, n, e)
		if len(e.arrays) > 0 || !e.valued.empty() {
			a.elements = append(a.elements, e)
		}
	}
	if len(a.elements) == 0 {
		return
	}
	a.results = f.newResults()
	for _, e := range a.elements {
		a.include(e.results)
		for _, inner := range e.arrays {
			a.include(inner.results)
		}
	}
	p.add(a)
}

func (p *place) add(a *array) {
	i := len(p.arrays)
	for i > 0 && p.arrays[i-1].node.depth < a.node.depth {
		i--
	}
	p.arrays = slices.Insert(p.arrays, i, a)
}

// str handles a string. The text of the record is read as JSON if it is JSON. Tests of the text and tests of the JSON in
// it exclude each other: those that do not apply are marked as having found a value that they did not pass, so that
// {"exists": false} fails as well.
func (f *Filter) str(n *node, p *place, raw []byte) {
	text := unescape(raw)
	if n.parsed != nil {
		if utf8.Valid(text) {
			if inner := f.read(text, n.parsed); inner != nil {
				p.valued.union(n.here)
				p.merge(inner)
				return
			}
		}
		p.valued.union(n.parsed.below)
	}
	p.found(n, value{aString, text})
}

func (p *place) merge(other *place) {
	p.include(other.results)
	for _, a := range other.arrays {
		p.add(a)
	}
}

// found runs the tests at n on a value.
func (p *place) found(n *node, v value) {
	if len(n.tests) == 0 {
		return
	}
	p.valued.union(n.here)
	for _, t := range n.tests {
		if !p.passed.has(t.number) && t.passedBy(v) {
			p.passed.add(t.number)
		}
	}
}
