package filter

import (
	"net/netip"
	"strconv"
	"unicode"
	"unicode/utf8"
)

// value is a value of a record that is neither an array nor an object.
type value struct {
	kind kind
	text []byte // of a string, unescaped; of a number, as written
}

// rule is one alternative at the end of a path.
type rule interface {
	passedBy(v value) bool
}

type (
	missing     struct{}     // no value
	anything    struct{}     // any value
	literal     kind         // null, false or true
	equalString string       // this string
	prefix      string       // a string with this prefix
	suffix      string       // a string with this suffix
	equalFold   string       // this string, ignoring case
	prefixFold  string       // a string with this prefix, ignoring case
	suffixFold  string       // a string with this suffix, ignoring case
	within      netip.Prefix // a string that is an address of this network
	anythingBut []rule       // any value that passes none of these rules
	equalNumber struct {
		text  string // normalized if exact, otherwise as written
		exact bool
	}
	between struct { // a number in this range
		low, high    float64
		above, below bool // excluding low, excluding high
	}
)

func (missing) passedBy(value) bool  { return false }
func (anything) passedBy(value) bool { return true }

func (r literal) passedBy(v value) bool { return v.kind == kind(r) }

func (r equalString) passedBy(v value) bool { return v.kind == aString && string(v.text) == string(r) }

func newEqualNumber(written string) rule {
	if _, exact := exactFloat(written); exact {
		return equalNumber{normalize(written), true}
	}
	return equalNumber{written, false}
}

// passedBy compares by value. A number that a double does not hold exactly is compared as it is written, as in
// event-ruler.
func (r equalNumber) passedBy(v value) bool {
	if v.kind != aNumber {
		return false
	}
	return r.exact && normalize(string(v.text)) == r.text || !r.exact && string(v.text) == r.text
}

func (r between) passedBy(v value) bool {
	if v.kind != aNumber {
		return false
	}
	f, err := strconv.ParseFloat(string(v.text), 64)
	return err == nil && (f > r.low || f == r.low && !r.above) && (f < r.high || f == r.high && !r.below)
}

func (r prefix) passedBy(v value) bool {
	return v.kind == aString && len(v.text) >= len(r) && string(v.text[:len(r)]) == string(r)
}

func (r suffix) passedBy(v value) bool {
	return v.kind == aString && len(v.text) >= len(r) && string(v.text[len(v.text)-len(r):]) == string(r)
}

func (r equalFold) passedBy(v value) bool {
	rest, ok := cutPrefixFold(v.text, string(r))
	return v.kind == aString && ok && len(rest) == 0
}

func (r prefixFold) passedBy(v value) bool {
	_, ok := cutPrefixFold(v.text, string(r))
	return v.kind == aString && ok
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
	return v.kind == aString
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

// sameFold reports whether r is the character of a pattern in lower or upper case. As in event-ruler, no other case
// folding applies: the Kelvin sign is not a k.
func sameFold(pattern, r rune) bool {
	return pattern == r || unicode.ToLower(pattern) == r || unicode.ToUpper(pattern) == r
}

// passedBy accepts addresses in the usual notations, without a zone.
func (r within) passedBy(v value) bool {
	const longest = len("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff")
	if v.kind != aString || len(v.text) > longest {
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
