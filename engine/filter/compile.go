package filter

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/esm-run/esm/config"
)

const (
	// maxCombinations limits the number of combinations of branches of all $or in one pattern.
	maxCombinations = 1000

	or = "$or"
)

// reserved are the names that event-ruler refuses as keys inside $or: its operators, present and planned.
var reserved = []string{
	"exactly", "equals-ignore-case", "prefix", "suffix", "anything-but", "exists", "wildcard", "numeric", "cidr",
	"=", "<", "<=", ">", ">=", "regex", "not-wildcard", "not-equals-ignore-case",
	"date-after", "date-on-or-after", "date-before", "date-on-or-before", "in-date-range",
	"ip-address-in-range", "ip-address-not-in-range",
}

// compiler collects the tests and combinations of all patterns.
type compiler struct {
	text         string
	index        int // of the current pattern
	tests        []*test
	combinations [][]*test
	undocumented []string
}

// position is a place in a pattern.
type position struct {
	written string // as messages show it
	path    string // the path in records, keys joined by dots
	deep    bool   // below the top level
	inOr    bool   // inside $or, at any depth
}

func (p position) key(k string) position {
	p.written, p.path, p.deep = join(p.written, k, p.written != ""), join(p.path, k, p.deep), true
	return p
}

func (p position) item(i int) position {
	p.written = fmt.Sprintf("%s[%d]", p.written, i)
	return p
}

func join(path, key string, dot bool) string {
	if dot {
		return path + "." + key
	}
	return key
}

func (c *compiler) errorf(p position, reason string, args ...any) error {
	return &PatternError{Index: c.index, Path: p.written, Reason: fmt.Sprintf(reason, args...)}
}

func (c *compiler) note(p position, what string, args ...any) {
	note := fmt.Sprintf("Filters[%d].Pattern: ", c.index)
	if p.written != "" {
		note += "at " + p.written + ": "
	}
	note += fmt.Sprintf(what, args...)
	if !slices.Contains(c.undocumented, note) {
		c.undocumented = append(c.undocumented, note)
	}
}

func (c *compiler) pattern(pattern string) error {
	var top position
	if n := utf8.RuneCountInString(pattern); n > config.MaxPatternLength {
		return c.errorf(top, "has %d characters; at most %d are allowed", n, config.MaxPatternLength)
	}
	s, err := parse(pattern)
	if err != nil {
		return c.errorf(top, "%v", err)
	}
	if s.kind != anObject {
		return c.errorf(top, "must be a JSON object such as {\"body\": {\"type\": [\"order\"]}}, but is %v", s.kind)
	}
	combinations, err := c.object(top, s)
	for _, tests := range combinations {
		c.noteRepeatedPaths(tests)
	}
	c.combinations = append(c.combinations, combinations...)
	return err
}

// noteRepeatedPaths notes paths that one combination tests more than once: in different spellings, or inside $or and
// beside it. All of the tests must pass here, as AWS's guide says; event-ruler keeps only the last.
func (c *compiler) noteRepeatedPaths(tests []*test) {
	paths := make(map[string]bool, len(tests))
	for _, t := range tests {
		if paths[t.path] {
			c.note(position{}, "%q is tested twice; AWS may use only the last test", t.path)
		}
		paths[t.path] = true
	}
}

// object compiles an object and returns its combinations of tests. A record matches the object if it passes all tests of
// one combination.
func (c *compiler) object(at position, s syntax) ([][]*test, error) {
	if len(s.members) == 0 {
		return nil, c.errorf(at, "an empty object matches nothing; add at least one key")
	}
	combinations := [][]*test{nil}
	for i, m := range s.members {
		if slices.ContainsFunc(s.members[i+1:], func(later member) bool { return later.key == m.key }) {
			continue // AWS: "Creating Amazon EventBridge event patterns": the last of a repeated key is used
		}
		alternatives, err := c.member(at, m)
		if err != nil {
			return nil, err
		}
		if len(combinations)*len(alternatives) > maxCombinations {
			return nil, c.errorf(at, "the branches of $or have more than %d combinations; use fewer branches", maxCombinations)
		}
		combinations = multiply(combinations, alternatives)
	}
	return combinations, nil
}

func multiply(a, b [][]*test) [][]*test {
	product := make([][]*test, 0, len(a)*len(b))
	for _, x := range a {
		for _, y := range b {
			product = append(product, slices.Concat(x, y))
		}
	}
	return product
}

func (c *compiler) member(at position, m member) ([][]*test, error) {
	here := at.key(m.key)
	if m.key == or {
		here.path, here.deep, here.inOr = at.path, at.deep, true
		return c.or(here, m.value)
	}
	if at.inOr && slices.Contains(reserved, m.key) {
		return nil, c.errorf(here, "%q is the name of an operator and cannot be a key inside $or", m.key)
	}
	if first, _, _ := strings.Cut(here.path, "."); !at.deep && c.text != "" && first != c.text {
		c.note(here, "AWS documents filters on %q only", c.text)
	}
	switch m.value.kind {
	case anObject:
		return c.object(here, m.value)
	case anArray:
		return c.leaf(here, m.value)
	}
	return nil, c.errorf(here, "must be an array of alternatives such as [\"x\"], or an object with further keys, but is %v",
		m.value.kind)
}

func (c *compiler) or(at position, s syntax) ([][]*test, error) {
	if s.kind != anArray || len(s.items) < 2 {
		return nil, c.errorf(at, "must be an array of at least two objects such as [{\"a\": [1]}, {\"b\": [2]}]")
	}
	var combinations [][]*test
	for i, item := range s.items {
		branch := at.item(i)
		if item.kind != anObject {
			return nil, c.errorf(branch, "must be an object such as {\"a\": [1]}, but is %v", item.kind)
		}
		more, err := c.object(branch, item)
		if err != nil {
			return nil, err
		}
		if combinations = append(combinations, more...); len(combinations) > maxCombinations {
			return nil, c.errorf(at, "the branches of $or have more than %d combinations; use fewer branches", maxCombinations)
		}
	}
	return combinations, nil
}

func (c *compiler) leaf(at position, s syntax) ([][]*test, error) {
	if len(s.items) == 0 {
		return nil, c.errorf(at, "an empty array matches nothing; list at least one alternative, such as [\"x\"]")
	}
	t := &test{path: at.path}
	for i, item := range s.items {
		r, err := c.rule(at.item(i), item)
		if err != nil {
			return nil, err
		}
		if _, ok := r.(missing); ok {
			t.absent = true
		} else {
			t.rules = append(t.rules, r)
		}
	}
	c.tests = append(c.tests, t)
	return [][]*test{{t}}, nil
}

// link numbers the tests in the order of their paths and builds the tree of keys.
func (c *compiler) link() *Filter {
	slices.SortStableFunc(c.tests, func(a, b *test) int { return cmp.Compare(a.path, b.path) })
	words := (len(c.tests) + 63) / 64
	f := &Filter{root: newNode(0, words), optional: make(set, words), undocumented: c.undocumented}
	for i, t := range c.tests {
		t.number = i
		f.root.insert(strings.Split(t.path, "."), t)
		if t.absent {
			f.optional.add(i)
		}
	}
	for _, tests := range c.combinations {
		s := make(set, words)
		for _, t := range tests {
			s.add(t.number)
		}
		f.combinations = append(f.combinations, s)
	}
	if n := f.root.keys[c.text]; n != nil && c.text != "" {
		n.splitText()
	}
	return f
}
