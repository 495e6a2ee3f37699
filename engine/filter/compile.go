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
	// maxCombinations bounds what the branches of all $or of one pattern multiply to.
	maxCombinations = 1000

	or = "$or"
)

// reserved are the names that event-ruler does not take for fields inside of $or: its operators, present and planned.
var reserved = []string{
	"exactly", "equals-ignore-case", "prefix", "suffix", "anything-but", "exists", "wildcard", "numeric", "cidr",
	"=", "<", "<=", ">", ">=", "regex", "not-wildcard", "not-equals-ignore-case",
	"date-after", "date-on-or-after", "date-before", "date-on-or-before", "in-date-range",
	"ip-address-in-range", "ip-address-not-in-range",
}

// compiler gathers the tests and combinations of all patterns.
type compiler struct {
	text         string
	index        int // of the pattern in hand
	tests        []test
	combinations [][]int // of indexes into tests
	undocumented []string
}

// position is where in a pattern the compiler is.
type position struct {
	written string // the way there, for people
	path    string // the path in records, keys joined by dots
	deep    bool   // below the top of the pattern
	inOr    bool   // somewhere inside of $or
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

func (c *compiler) bad(p position, reason string, args ...any) error {
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
		return c.bad(top, "has %d characters; at most %d are allowed", n, config.MaxPatternLength)
	}
	s, err := parse(pattern)
	if err != nil {
		return c.bad(top, "%v", err)
	}
	if s.form != anObject {
		return c.bad(top, "must be a JSON object such as {\"body\": {\"type\": [\"order\"]}}, but is %v", s.form)
	}
	sets, err := c.object(top, s)
	for _, set := range sets {
		c.noteTwice(set)
	}
	c.combinations = append(c.combinations, sets...)
	return err
}

// noteTwice looks for paths that are tested more than once in one combination: by different spellings, or inside of $or
// and beside it. All of the tests must hold here, as the guide has it; event-ruler keeps the last.
func (c *compiler) noteTwice(set []int) {
	paths := make(map[string]bool, len(set))
	for _, t := range set {
		path := c.tests[t].path
		if paths[path] {
			c.note(position{}, "%q is tested twice; AWS may heed only the last", path)
		}
		paths[path] = true
	}
}

// object returns the sets of tests of which one must be passed as a whole for the object to match.
func (c *compiler) object(at position, s syntax) ([][]int, error) {
	if len(s.members) == 0 {
		return nil, c.bad(at, "an empty object matches nothing; name at least one key")
	}
	sets := [][]int{nil}
	for i, m := range s.members {
		if slices.ContainsFunc(s.members[i+1:], func(later member) bool { return later.key == m.key }) {
			continue // AWS: "Creating Amazon EventBridge event patterns": the last of a repeated key is used
		}
		alternatives, err := c.member(at, m)
		if err != nil {
			return nil, err
		}
		if len(sets)*len(alternatives) > maxCombinations {
			return nil, c.bad(at, "the branches of $or multiply to more than %d combinations; use fewer", maxCombinations)
		}
		sets = multiply(sets, alternatives)
	}
	return sets, nil
}

func multiply(a, b [][]int) [][]int {
	product := make([][]int, 0, len(a)*len(b))
	for _, x := range a {
		for _, y := range b {
			product = append(product, slices.Concat(x, y))
		}
	}
	return product
}

func (c *compiler) member(at position, m member) ([][]int, error) {
	here := at.key(m.key)
	if m.key == or {
		here.path, here.deep, here.inOr = at.path, at.deep, true
		return c.or(here, m.value)
	}
	if at.inOr && slices.Contains(reserved, m.key) {
		return nil, c.bad(here, "%q is the name of an operator and cannot be a key inside of $or", m.key)
	}
	if first, _, _ := strings.Cut(here.path, "."); !at.deep && c.text != "" && first != c.text {
		c.note(here, "AWS documents filtering on %q alone", c.text)
	}
	switch m.value.form {
	case anObject:
		return c.object(here, m.value)
	case anArray:
		return c.leaf(here, m.value)
	}
	return nil, c.bad(here, "must be an array of alternatives such as [\"x\"], or an object with further keys, but is %v",
		m.value.form)
}

func (c *compiler) or(at position, s syntax) ([][]int, error) {
	if s.form != anArray || len(s.items) < 2 {
		return nil, c.bad(at, "must be an array of at least two objects such as [{\"a\": [1]}, {\"b\": [2]}]")
	}
	var sets [][]int
	for i, item := range s.items {
		if item.form != anObject {
			return nil, c.bad(at.item(i), "must be an object such as {\"a\": [1]}, but is %v", item.form)
		}
		branch := at.item(i)
		more, err := c.object(branch, item)
		if err != nil {
			return nil, err
		}
		if sets = append(sets, more...); len(sets) > maxCombinations {
			return nil, c.bad(at, "the branches of $or come to more than %d combinations; use fewer", maxCombinations)
		}
	}
	return sets, nil
}

func (c *compiler) leaf(at position, s syntax) ([][]int, error) {
	if len(s.items) == 0 {
		return nil, c.bad(at, "an empty array matches nothing; list at least one alternative, such as [\"x\"]")
	}
	t := test{path: at.path}
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
	return [][]int{{len(c.tests) - 1}}, nil
}

// link numbers the tests in the order of their paths and hangs them into a tree of keys.
func (c *compiler) link() *Filter {
	order := make([]int, len(c.tests))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(c.tests[a].path, c.tests[b].path) })

	words := (len(order) + 63) / 64
	f := &Filter{root: newNode(0, words), absentable: make(row, words), undocumented: c.undocumented}
	numbers := make([]int, len(order))
	for i, from := range order {
		t := c.tests[from]
		t.rules = gather(t.rules)
		numbers[from] = i
		f.tests = append(f.tests, t)
		f.root.add(strings.Split(t.path, "."), i)
		if t.absent {
			f.absentable.set(i)
		}
	}
	for _, tests := range c.combinations {
		set := make(row, words)
		for _, t := range tests {
			set.set(numbers[t])
		}
		f.combinations = append(f.combinations, set)
	}
	if n := f.root.keys[c.text]; n != nil && c.text != "" {
		n.splitText()
	}
	return f
}
