package filter

import "slices"

// maxDepth is how deep arrays and objects may be nested. The recursion of the scanner is as deep.
const maxDepth = 10000

// scanner reads one JSON text and tells its work what it finds. A nil node means that nothing is asked for any more;
// the text is then only checked. Positions and places are indexes.
type scanner struct {
	work    *work
	buf     []byte
	pos     int
	depth   int
	skipped []int // values, by position, that do not count
}

// document reads the whole of the text. It reports false if the text is not JSON; what was found until then stays.
func (s *scanner) document(n *node, place int) bool {
	s.space()
	if !s.value(n, place) {
		return false
	}
	s.space()
	return s.pos == len(s.buf)
}

func (s *scanner) space() {
	for s.pos < len(s.buf) {
		switch s.buf[s.pos] {
		case ' ', '\t', '\n', '\r':
			s.pos++
		default:
			return
		}
	}
}

// peek returns the next byte, 0 at the end. A 0 in the text is as bad as its end.
func (s *scanner) peek() byte {
	if s.pos < len(s.buf) {
		return s.buf[s.pos]
	}
	return 0
}

// next skips space and steps over c if that is what follows.
func (s *scanner) next(c byte) bool {
	s.space()
	if s.peek() != c {
		return false
	}
	s.pos++
	return true
}

// value reads one value, found at n, in a place.
func (s *scanner) value(n *node, place int) bool {
	switch s.peek() {
	case '{', '[':
		return s.nested(n, place)
	case '"':
		raw, escaped, ok := s.str()
		if ok && n != nil {
			s.work.str(n, place, raw, escaped)
		}
		return ok
	case 'n':
		return s.literal("null", aNull, n, place)
	case 'f':
		return s.literal("false", aFalse, n, place)
	case 't':
		return s.literal("true", aTrue, n, place)
	}
	start := s.pos
	ok := s.number()
	if ok && n != nil && len(n.tests) > 0 {
		written := s.buf[start:s.pos]
		s.work.found(n, place, value{form: aNumber, text: written, number: parseNumber(written)})
	}
	return ok
}

// nested reads an array or an object.
func (s *scanner) nested(n *node, place int) (ok bool) {
	if s.depth++; s.depth > maxDepth {
		return false
	}
	if s.buf[s.pos] == '{' {
		s.pos++
		ok = s.object(n, place)
	} else {
		s.pos++
		ok = s.array(n, place)
	}
	s.depth--
	return ok
}

func (s *scanner) literal(word string, f form, n *node, place int) bool {
	if len(s.buf)-s.pos < len(word) || string(s.buf[s.pos:s.pos+len(word)]) != word {
		return false
	}
	s.pos += len(word)
	if n != nil {
		s.work.found(n, place, value{form: f})
	}
	return true
}

func (s *scanner) object(n *node, place int) bool {
	if s.next('}') {
		return true
	}
	w := s.work
	seen := len(w.seen)
	for {
		s.space()
		key, escaped, ok := s.str()
		if !ok || !s.next(':') {
			return false
		}
		s.space()
		if !s.value(s.child(n, key, escaped, seen), place) {
			return false
		}
		if s.next('}') {
			w.seen = w.seen[:seen]
			return true
		}
		if !s.next(',') {
			return false
		}
	}
}

// child returns the node for the value that comes next, under key, in the object whose keys seen begin at the index.
func (s *scanner) child(n *node, key []byte, escaped bool, seen int) *node {
	if n == nil || n.keys == nil {
		return nil
	}
	w := s.work
	if escaped {
		w.unescaped = unescape(w.unescaped[:0], key)
		key = w.unescaped
	}
	child := n.step(key)
	if child == nil {
		return nil
	}
	if s.skipped != nil {
		if _, skip := slices.BinarySearch(s.skipped, s.pos); skip {
			return nil
		}
		return child
	}
	for i := range w.seen[seen:] {
		if earlier := &w.seen[seen+i]; earlier.node == child {
			w.repeated = append(w.repeated, earlier.pos)
			earlier.pos = s.pos
			return child
		}
	}
	w.seen = append(w.seen, sighting{child, s.pos})
	return child
}

// array reads an array. Values that stand directly in it are found where the array is; each array or object in it is a
// place of its own.
func (s *scanner) array(n *node, place int) bool {
	if s.next(']') {
		return true
	}
	w, a := s.work, none
	for {
		s.space()
		if c := s.peek(); n != nil && (c == '[' || c == '{') {
			if a == none {
				a = w.openArray(n)
			}
			e := w.openElement()
			if !s.value(n, e) {
				return false
			}
			w.closeElement(e, a)
		} else if !s.value(n, place) {
			return false
		}
		if s.next(']') {
			if a != none {
				w.closeArray(a, place)
			}
			return true
		}
		if !s.next(',') {
			return false
		}
	}
}

// number reads a number as RFC 8259 writes it.
func (s *scanner) number() bool {
	if s.peek() == '-' {
		s.pos++
	}
	if s.peek() == '0' {
		s.pos++
	} else if !s.digits() {
		return false
	}
	if s.peek() == '.' {
		s.pos++
		if !s.digits() {
			return false
		}
	}
	if c := s.peek(); c == 'e' || c == 'E' {
		s.pos++
		if c := s.peek(); c == '+' || c == '-' {
			s.pos++
		}
		return s.digits()
	}
	return true
}

func (s *scanner) digits() bool {
	start := s.pos
	for s.pos < len(s.buf) && s.buf[s.pos]-'0' <= 9 {
		s.pos++
	}
	return s.pos > start
}

// str reads a string and returns what stands between its quotes.
func (s *scanner) str() (raw []byte, escaped, ok bool) {
	if s.peek() != '"' {
		return nil, false, false
	}
	s.pos++
	start := s.pos
	for i := start; i < len(s.buf); i++ {
		switch c := s.buf[i]; {
		case c == '"':
			s.pos = i + 1
			return s.buf[start:i], escaped, true
		case c == '\\':
			n := escapeLen(s.buf[i:])
			if n == 0 {
				return nil, true, false
			}
			escaped, i = true, i+n-1
		case c < ' ':
			return nil, escaped, false
		}
	}
	return nil, escaped, false
}
