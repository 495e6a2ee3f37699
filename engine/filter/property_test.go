package filter_test

import (
	"encoding/json"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/esm-run/esm/engine/filter"
)

var (
	someStrings = rapid.SampledFrom([]string{"", "a", "ab", "AB", "aB/a", "é", "É/", "10.0.0.7", "2001:db8::7", "null", "300"})
	someNumbers = rapid.SampledFrom([]json.Number{"0", "-0.0", "1", "1.0", "10e-1", "-1", "300", "3.0e2", "0.1", "2.50",
		"9007199254740992", "9007199254740993", "123456789012345678901", "1e400", "0.1000000000000000055511", "0.000", "100e-2"})
	wildcards = rapid.SampledFrom([]string{"", "*", "a*", "*a", "a*/*", "*b*", `\**`, "a*a", "é*"})
	blocks    = rapid.SampledFrom([]string{"10.0.0.0/24", "10.0.0.6/31", "0.0.0.0/0", "2001:db8::/32", "::/0"})
)

// scalar draws a value of a record.
func scalar(t *rapid.T) any {
	switch rapid.IntRange(0, 9).Draw(t, "scalar") {
	case 0:
		return nil
	case 1:
		return true
	case 2:
		return false
	case 3, 4, 5:
		return someNumbers.Draw(t, "number")
	}
	return someStrings.Draw(t, "string")
}

// alternative draws an alternative of a pattern.
func alternative(t *rapid.T) any {
	s := func() any { return someStrings.Draw(t, "string") }
	word := func() any { return someStrings.Filter(func(s string) bool { return s != "" }).Draw(t, "word") }
	double := func() any { return someNumbers.Filter(isExact).Draw(t, "double") }
	fold := func() any { return map[string]any{"equals-ignore-case": s()} }
	operators := map[string]func() any{
		"exists":             func() any { return rapid.Bool().Draw(t, "exists") },
		"prefix":             func() any { return oneOf(t, s, fold) },
		"suffix":             func() any { return oneOf(t, s, fold) },
		"equals-ignore-case": s,
		"wildcard":           func() any { return wildcards.Draw(t, "wildcard") },
		"cidr":               func() any { return blocks.Draw(t, "cidr") },
		"numeric": func() any {
			return oneOf(t,
				func() any {
					return []any{rapid.SampledFrom([]string{"=", "<", "<=", ">", ">="}).Draw(t, "cmp"), double()}
				},
				func() any {
					return []any{rapid.SampledFrom([]string{">", ">="}).Draw(t, "low"), json.Number("-1.5"),
						rapid.SampledFrom([]string{"<", "<="}).Draw(t, "high"), double()}
				})
		},
		"anything-but": func() any {
			return oneOf(t, s, double, list(s), list(double),
				func() any { return map[string]any{"prefix": oneOf(t, word, list(word))} },
				func() any { return map[string]any{"suffix": oneOf(t, word, list(word))} },
				func() any { return map[string]any{"equals-ignore-case": oneOf(t, s, list(s))} },
				func() any { return map[string]any{"wildcard": wildcards.Draw(t, "wildcard")} })
		},
	}
	if rapid.Bool().Draw(t, "plain") {
		return scalar(t)
	}
	name := rapid.SampledFrom([]string{"exists", "exists", "prefix", "suffix", "equals-ignore-case", "wildcard", "cidr",
		"numeric", "anything-but"}).Draw(t, "operator")
	return map[string]any{name: operators[name]()}
}

func oneOf(t *rapid.T, of ...func() any) any {
	return of[rapid.IntRange(0, len(of)-1).Draw(t, "which")]()
}

func list(of func() any) func() any { return func() any { return []any{of(), of()} } }

// shape limits generated patterns and records.
type shape struct {
	keys   []string
	arrays bool
	simple bool // few different values, so that the structure decides
}

func (s shape) key(t *rapid.T) string { return rapid.SampledFrom(s.keys).Draw(t, "key") }

func (s shape) leaf(t *rapid.T) any {
	if !s.simple {
		return rapid.SliceOfN(rapid.Custom(alternative), 1, 3).Draw(t, "alternatives")
	}
	return rapid.SampledFrom([]any{
		[]any{json.Number("1")}, []any{json.Number("1"), json.Number("2")}, []any{json.Number("2")},
		[]any{map[string]any{"exists": true}}, []any{map[string]any{"exists": false}},
		[]any{map[string]any{"exists": false}, json.Number("1")},
	}).Draw(t, "alternatives")
}

func (s shape) pattern(t *rapid.T, depth int) map[string]any {
	m := map[string]any{}
	for range rapid.IntRange(1, 3).Draw(t, "keys") {
		switch {
		case depth > 0 && rapid.IntRange(0, 4).Draw(t, "or") == 0:
			m["$or"] = []any{s.pattern(t, depth-1), s.pattern(t, depth-1)}
		case depth > 0 && rapid.Bool().Draw(t, "deeper"):
			m[s.key(t)] = s.pattern(t, depth-1)
		default:
			m[s.key(t)] = s.leaf(t)
		}
	}
	return m
}

func (s shape) record(t *rapid.T, depth int) any {
	kind := rapid.IntRange(0, 9).Draw(t, "kind")
	switch {
	case depth > 0 && s.arrays && kind < 4:
		return sliceOf(t, 3, func() any { return s.record(t, depth-1) })
	case depth > 0 && kind < 8:
		m := map[string]any{}
		for range rapid.IntRange(0, 3).Draw(t, "keys") {
			m[s.key(t)] = s.record(t, depth-1)
		}
		return m
	case s.simple:
		return rapid.SampledFrom([]any{json.Number("1"), json.Number("2"), json.Number("3")}).Draw(t, "value")
	}
	return scalar(t)
}

func sliceOf(t *rapid.T, most int, of func() any) []any {
	s := []any{}
	for range rapid.IntRange(0, most).Draw(t, "len") {
		s = append(s, of())
	}
	return s
}

func marshal(v any) string {
	var b strings.Builder
	e := json.NewEncoder(&b)
	if err := e.Encode(v); err != nil {
		panic(err)
	}
	return strings.TrimSpace(b.String())
}

var shapes = map[string]shape{
	"values":                               {keys: []string{"a", "b"}},
	"structure":                            {keys: []string{"a", "b", "c"}, arrays: true, simple: true},
	"values in arrays":                     {keys: []string{"a", "b"}, arrays: true},
	"dots":                                 {keys: []string{"a", "b", "a.b", "a.a", "b.a.b", "", "."}, simple: true},
	"order of paths differs from the tree": {keys: []string{"a", "a-b", "b"}, arrays: true, simple: true},
}

func TestMatchEqualsReference(t *testing.T) {
	for name, s := range shapes {
		t.Run(name, func(t *testing.T) { rapid.Check(t, s.check) })
	}
}

func (s shape) check(t *rapid.T) {
	var patterns []string
	for range rapid.IntRange(1, 3).Draw(t, "patterns") {
		p := s.pattern(t, 3)
		if rapid.Bool().Draw(t, "in the text") {
			p = map[string]any{"body": p}
		} else if rapid.IntRange(0, 3).Draw(t, "on the text") == 0 {
			p["body"] = s.leaf(t)
		}
		patterns = append(patterns, marshal(p))
	}
	f, err := filter.Compile(patterns, "body")
	if err != nil {
		t.Fatalf("Compile(%s): %v", patterns, err)
	}
	for range 8 {
		record, _ := s.record(t, 3).(map[string]any)
		if record == nil {
			record = map[string]any{}
		}
		if rapid.IntRange(0, 4).Draw(t, "plain text") > 0 {
			record["body"] = marshal(s.record(t, 4))
		} else {
			record["body"] = someStrings.Draw(t, "text")
		}
		view := marshal(record)
		if got, want := f.Match([]byte(view)), refMatch(patterns, "body", []byte(view)); got != want {
			t.Fatalf("Match = %v, want %v\npatterns %s\nview %s", got, want, patterns, view)
		}
	}
}
