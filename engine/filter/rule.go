package filter

import (
	"net/netip"
	"unicode"
	"unicode/utf8"
)

// value is a value of a record: never an array or an object.
type value struct {
	form   form
	text   []byte  // of a string, unescaped; of a number, as written
	number decimal // of a number
}

// rule is one alternative at the end of a path.
type rule interface {
	passedBy(v value) bool
}

type (
	missing     struct{}            // no value; never asked
	anything    struct{}            // any value
	literal     form                // null, false or true
	equalString string              // this string
	oneOf       map[string]struct{} // one of many strings
	prefix      string              // a string that starts so
	suffix      string              // a string that ends so
	equalFold   string              // this string in any mixture of cases
	prefixFold  string              // likewise
	suffixFold  string              // likewise
	within      netip.Prefix        // a string that is an address inside
	anythingBut []rule              // any value that passes none of these
	equalNumber struct {            // this number, however it is written
		decimal
		written string
	}
	between struct { // a number in this range
		low, high    float64
		above, below bool // not equal to low, not equal to high
	}
)

func (missing) passedBy(value) bool  { return false }
func (anything) passedBy(value) bool { return true }

func (r literal) passedBy(v value) bool { return v.form == form(r) }

func (r equalString) passedBy(v value) bool { return v.form == aString && string(v.text) == string(r) }

func (r oneOf) passedBy(v value) bool {
	if v.form != aString {
		return false
	}
	_, ok := r[string(v.text)]
	return ok
}

// passedBy compares by value. Numbers that a double does not hold exactly are compared as they are written, as
// event-ruler does.
func (r equalNumber) passedBy(v value) bool {
	if v.form != aNumber || r.exact != v.number.exact {
		return false
	}
	return r.exact && r.float == v.number.float || !r.exact && string(v.text) == r.written
}

func (r between) passedBy(v value) bool {
	if v.form != aNumber || !v.number.finite {
		return false
	}
	f := v.number.float
	return (f > r.low || f == r.low && !r.above) && (f < r.high || f == r.high && !r.below)
}

func (r prefix) passedBy(v value) bool {
	return v.form == aString && len(v.text) >= len(r) && string(v.text[:len(r)]) == string(r)
}

func (r suffix) passedBy(v value) bool {
	return v.form == aString && len(v.text) >= len(r) && string(v.text[len(v.text)-len(r):]) == string(r)
}

func (r equalFold) passedBy(v value) bool {
	rest, ok := cutPrefixFold(v.text, string(r))
	return v.form == aString && ok && len(rest) == 0
}

func (r prefixFold) passedBy(v value) bool {
	_, ok := cutPrefixFold(v.text, string(r))
	return v.form == aString && ok
}

func (r suffixFold) passedBy(v value) bool {
	s := v.text
	for pattern := string(r); pattern != ""; {
		want, n := utf8.DecodeLastRuneInString(pattern)
		got, m := utf8.DecodeLastRune(s)
		if m == 0 || !sameFold(want, got) {
			return false
		}
		pattern, s = pattern[:len(pattern)-n], s[:len(s)-m]
	}
	return v.form == aString
}

func cutPrefixFold(s []byte, pattern string) (rest []byte, ok bool) {
	for _, want := range pattern {
		got, n := utf8.DecodeRune(s)
		if n == 0 || !sameFold(want, got) {
			return s, false
		}
		s = s[n:]
	}
	return s, true
}

// sameFold takes a character of a pattern in lower and in upper case, as event-ruler does, and no other relatives: the
// Kelvin sign is not a k.
func sameFold(pattern, r rune) bool {
	return pattern == r || unicode.ToLower(pattern) == r || unicode.ToUpper(pattern) == r
}

// passedBy parses what may be an address, without its zone and in the common spellings.
func (r within) passedBy(v value) bool {
	const longest = len("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff")
	if v.form != aString || len(v.text) > longest {
		return false
	}
	addr, err := netip.ParseAddr(string(v.text))
	return err == nil && addr.Zone() == "" && netip.Prefix(r).Contains(addr.Unmap())
}

func (r anythingBut) passedBy(v value) bool {
	for _, but := range r {
		if but.passedBy(v) {
			return false
		}
	}
	return true
}

// many is from how many strings on they are looked up rather than compared one by one.
const many = 8

// gather replaces many equal strings by one rule.
func gather(rules []rule) []rule {
	var rest []rule
	set := oneOf{}
	for _, r := range rules {
		if s, ok := r.(equalString); ok {
			set[string(s)] = struct{}{}
		} else {
			rest = append(rest, r)
		}
	}
	if len(set) < many {
		return rules
	}
	return append(rest, set)
}
