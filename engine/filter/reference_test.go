package filter_test

import (
	"encoding/json"
	"fmt"
	"math/big"
	"net"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// The reference is a brute-force matcher: it decodes everything, expands every $or, flattens the record to fields that
// know the array elements they stand in, and tries all choices of fields.

type refTest struct {
	path         string
	alternatives []any
}

type refField struct {
	path   string
	value  any
	stands map[int]int // array → element
}

func refMatch(patterns []string, text string, view []byte) bool {
	var record any
	decode(view, &record)
	fields, isText, isJSON := refFields(record, text)
	return slices.ContainsFunc(patterns, func(p string) bool {
		var pattern map[string]any
		decode([]byte(p), &pattern)
		return slices.ContainsFunc(refCombinations("", true, pattern), func(tests []refTest) bool {
			for _, t := range tests {
				if isText && (t.path == text && isJSON || strings.HasPrefix(t.path, text+".") && !isJSON) {
					return false
				}
			}
			return refWalk(tests, fields, nil)
		})
	})
}

func decode(b []byte, into any) {
	d := json.NewDecoder(strings.NewReader(string(b)))
	d.UseNumber()
	if err := d.Decode(into); err != nil {
		panic(fmt.Sprintf("the reference needs valid JSON: %v: %s", err, b))
	}
}

// refFields flattens a record and parses its text.
func refFields(record any, text string) (fields []refField, isText, isJSON bool) {
	f := &flattener{}
	top, _ := record.(map[string]any)
	body, isText := top[text].(string)
	if isText = isText && text != ""; isText {
		if isJSON = json.Valid([]byte(body)) && utf8.ValidString(body); isJSON {
			var parsed any
			decode([]byte(body), &parsed)
			f.add(text, parsed, nil)
			delete(top, text)
		}
	}
	f.add("", record, nil)
	return f.fields, isText, isJSON
}

type flattener struct {
	fields []refField
	arrays int
}

func (f *flattener) add(path string, v any, stands map[int]int) {
	switch v := v.(type) {
	case map[string]any:
		for k, v := range v {
			f.add(path+"."+k, v, stands)
		}
	case []any:
		id := f.arrays
		f.arrays++
		for i, v := range v {
			switch v.(type) {
			case map[string]any, []any:
				inside := map[int]int{id: i}
				for a, e := range stands {
					inside[a] = e
				}
				f.add(path, v, inside)
			default:
				f.add(path, v, stands)
			}
		}
	default:
		f.fields = append(f.fields, refField{strings.TrimPrefix(path, "."), v, stands})
	}
}

// refCombinations expands a pattern to its combinations of tests.
func refCombinations(path string, top bool, pattern map[string]any) [][]refTest {
	sets := [][]refTest{nil}
	for key, v := range pattern {
		at := path + "." + key
		if top {
			at = key
		}
		var alternatives [][]refTest
		switch v := v.(type) {
		case map[string]any:
			alternatives = refCombinations(at, false, v)
		case []any:
			if key != "$or" {
				alternatives = [][]refTest{{{at, v}}}
				break
			}
			for _, branch := range v {
				alternatives = append(alternatives, refCombinations(path, top, branch.(map[string]any))...)
			}
		}
		var product [][]refTest
		for _, s := range sets {
			for _, a := range alternatives {
				product = append(product, slices.Concat(s, a))
			}
		}
		sets = product
	}
	for _, s := range sets {
		slices.SortFunc(s, func(a, b refTest) int { return strings.Compare(a.path, b.path) })
	}
	return sets
}

// refWalk tries to pass the tests in order, each with a field that is compatible with those chosen before.
func refWalk(tests []refTest, fields []refField, chosen []refField) bool {
	if len(tests) == 0 {
		return true
	}
	t, present := tests[0], false
	for _, f := range fields {
		if f.path != t.path || !fit(f, chosen) {
			continue
		}
		present = true
		if slices.ContainsFunc(t.alternatives, func(a any) bool { return refPasses(a, f.value) }) &&
			refWalk(tests[1:], fields, append(slices.Clip(chosen), f)) {
			return true
		}
	}
	return !present && slices.ContainsFunc(t.alternatives, wantsAbsence) && refWalk(tests[1:], fields, chosen)
}

func fit(f refField, chosen []refField) bool {
	for _, c := range chosen {
		for array, element := range c.stands {
			if e, ok := f.stands[array]; ok && e != element {
				return false
			}
		}
	}
	return true
}

func wantsAbsence(alternative any) bool {
	m, ok := alternative.(map[string]any)
	return ok && m["exists"] == false
}

// refPasses reports whether a value passes one alternative.
func refPasses(alternative, v any) bool {
	m, ok := alternative.(map[string]any)
	if !ok {
		return refEqual(alternative, v)
	}
	s, isString := v.(string)
	for operator, operand := range m {
		of, _ := operand.(string)
		nested, _ := operand.(map[string]any)
		switch operator {
		case "exists":
			return operand == true
		case "prefix":
			if nested != nil {
				return isString && refFoldPrefix(s, nested["equals-ignore-case"].(string)) >= 0
			}
			return isString && strings.HasPrefix(s, of)
		case "suffix":
			if nested != nil {
				return isString && refFoldPrefix(reversed(s), reversed(nested["equals-ignore-case"].(string))) >= 0
			}
			return isString && strings.HasSuffix(s, of)
		case "equals-ignore-case":
			return isString && refFoldPrefix(s, of) == len(s)
		case "wildcard":
			return isString && refWildcard(of).MatchString(s)
		case "cidr":
			_, network, _ := net.ParseCIDR(of)
			ip := net.ParseIP(s)
			if strings.Contains(s, ":") && strings.Contains(s, ".") && len(s) > 39 {
				return false
			}
			return isString && ip != nil && network.Contains(ip)
		case "numeric":
			return refNumeric(operand.([]any), v)
		case "anything-but":
			return !refAnyOf(operand, v)
		}
	}
	panic(fmt.Sprintf("the reference does not support %v", alternative))
}

// refAnyOf reports whether an anything-but excludes v.
func refAnyOf(operand, v any) bool {
	switch operand := operand.(type) {
	case []any:
		return slices.ContainsFunc(operand, func(o any) bool { return refEqual(o, v) })
	case map[string]any:
		for operator, of := range operand {
			list, ok := of.([]any)
			if !ok {
				list = []any{of}
			}
			return slices.ContainsFunc(list, func(o any) bool { return refPasses(map[string]any{operator: o}, v) })
		}
	}
	return refEqual(operand, v)
}

func refEqual(a, b any) bool {
	x, ok1 := a.(json.Number)
	y, ok2 := b.(json.Number)
	if ok1 != ok2 || !ok1 {
		return a == b
	}
	exactX, exactY := isExact(x), isExact(y)
	if !exactX || !exactY {
		return !exactX && !exactY && x == y
	}
	return rational(string(x)).Cmp(rational(string(y))) == 0
}

// isExact reports whether a number survives conversion to a double and back.
func isExact(n json.Number) bool {
	f, err := strconv.ParseFloat(string(n), 64)
	return err == nil && rational(string(n)).Cmp(rational(strconv.FormatFloat(f, 'g', -1, 64))) == 0
}

// rational treats exponents far outside the range of doubles as one huge number.
func rational(n string) *big.Rat {
	if _, e, ok := strings.Cut(strings.ToLower(n), "e"); ok {
		if e, err := strconv.Atoi(e); err != nil || e > 5000 || e < -5000 {
			n = "1e9999"
		}
	}
	r, _ := new(big.Rat).SetString(n)
	return r
}

func refNumeric(comparison []any, v any) bool {
	n, ok := v.(json.Number)
	f, err := strconv.ParseFloat(string(n), 64)
	if !ok || err != nil {
		return false
	}
	for i := 0; i < len(comparison); i += 2 {
		bound := comparison[i+1].(json.Number)
		b, _ := strconv.ParseFloat(string(bound), 64)
		holds := map[string]bool{"=": refEqual(n, bound), "<": f < b, "<=": f <= b, ">": f > b, ">=": f >= b}
		if !holds[comparison[i].(string)] {
			return false
		}
	}
	return true
}

// refFoldPrefix returns where the pattern ends in s, ignoring case, and -1 if s does not begin with it.
func refFoldPrefix(s, pattern string) int {
	want, got := []rune(pattern), []rune(s)
	if len(got) < len(want) {
		return -1
	}
	for i, w := range want {
		if g := got[i]; g != w && g != unicode.ToLower(w) && g != unicode.ToUpper(w) {
			return -1
		}
	}
	return len(string(got[:len(want)]))
}

func reversed(s string) string {
	r := []rune(s)
	slices.Reverse(r)
	return string(r)
}

func refWildcard(pattern string) *regexp.Regexp {
	expr, escaped := `(?s)\A`, false
	for _, r := range pattern {
		switch {
		case r == '\\' && !escaped:
			escaped = true
			continue
		case r == '*' && !escaped:
			expr += ".*"
		default:
			expr += regexp.QuoteMeta(string(r))
		}
		escaped = false
	}
	return regexp.MustCompile(expr + `\z`)
}
