package filter

import "bytes"

// test is the end of one path of one pattern: alternatives, one of which must hold.
type test struct {
	number int // in the order of paths
	path   string
	rules  []rule // a value must pass one of them
	absent bool   // absence of a value passes too
}

func (t *test) passedBy(v value) bool {
	for _, r := range t.rules {
		if r.passedBy(v) {
			return true
		}
	}
	return false
}

// node is a path that tests ask for, or a part of one.
type node struct {
	keys  map[string]*node // the paths that are one key longer; keys do not contain dots
	tests []*test          // of exactly this path
	here  set              // the same
	below set              // of this path and longer ones
	depth int

	// parsed is set for the text of the record alone. It replaces the node where the text is JSON: it has the same keys,
	// without the tests of the text itself.
	parsed *node
}

// ignored is the node of values that no test asks for.
var ignored = &node{}

func newNode(depth, words int) *node {
	return &node{here: make(set, words), below: make(set, words), depth: depth}
}

func (n *node) insert(path []string, t *test) {
	n.below.add(t.number)
	if len(path) == 0 {
		n.tests = append(n.tests, t)
		n.here.add(t.number)
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
	next.insert(path[1:], t)
}

func (n *node) splitText() {
	n.parsed = newNode(n.depth, len(n.below))
	n.parsed.keys = n.keys
	n.parsed.below.union(n.below)
	n.parsed.below.subtract(n.here)
}

// wanted reports whether tests ask for values at n or below it.
func (n *node) wanted() bool { return n.keys != nil || len(n.tests) > 0 || n.parsed != nil }

// child returns the node for a key of a record, written as JSON without quotes. Dots in the key separate steps.
func (n *node) child(written []byte) *node {
	if n.keys == nil {
		return ignored
	}
	key := unescape(written)
	for {
		step, rest, more := bytes.Cut(key, []byte{'.'})
		if n = n.keys[string(step)]; n == nil {
			return ignored
		}
		if !more {
			return n
		}
		key = rest
	}
}
