package filter

import "bytes"

// test is the end of one path of one pattern: alternatives of which one must hold.
type test struct {
	path   string
	rules  []rule // of which a value must pass one
	absent bool   // passed as well where there is no value
}

func (t *test) passedBy(v value) bool {
	for _, r := range t.rules {
		if r.passedBy(v) {
			return true
		}
	}
	return false
}

// node is a path that tests ask for, or the way to one.
type node struct {
	keys  map[string]*node // one part of a path further; keys are parted at dots
	tests []int            // at the end of this very path
	here  row              // the same
	below row              // here and further down
	depth int

	// parsed is set for the text alone. It takes the place of the node where the text is JSON: the same keys, without
	// the tests of the text as such.
	parsed *node
}

func newNode(depth, words int) *node {
	return &node{here: make(row, words), below: make(row, words), depth: depth}
}

func (n *node) add(path []string, test int) {
	n.below.set(test)
	if len(path) == 0 {
		n.tests = append(n.tests, test)
		n.here.set(test)
		return
	}
	next := n.keys[path[0]]
	if next == nil {
		if n.keys == nil {
			n.keys = map[string]*node{}
		}
		next = newNode(n.depth+1, len(n.below))
		n.keys[path[0]] = next
	}
	next.add(path[1:], test)
}

func (n *node) splitText() {
	n.parsed = newNode(n.depth, len(n.below))
	n.parsed.keys = n.keys
	n.parsed.below.or(n.below)
	n.parsed.below.without(n.here)
}

// step follows a key of a record, dots and all. It returns nil when no test asks for it.
func (n *node) step(key []byte) *node {
	if n == nil || n.keys == nil {
		return nil
	}
	for {
		dot := bytes.IndexByte(key, '.')
		if dot < 0 {
			return n.keys[string(key)]
		}
		if n = n.keys[string(key[:dot])]; n == nil {
			return nil
		}
		key = key[dot+1:]
	}
}
