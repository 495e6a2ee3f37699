package filter

import (
	"bytes"
	"strings"
)

// maxComplexity is how complex a wildcard may be. The measure is event-ruler's, the limit AWS's: a pattern of 11 was
// refused there as too complex. Matching here takes no longer for a complex one.
const maxComplexity = 10

// wildcard is a pattern cut at its stars: at least two parts, each to be found after the one before.
type wildcard [][]byte

// wildcard compiles a pattern in which * stands for any characters, \* for a star and \\ for a backslash.
func (c *compiler) wildcard(at position, s syntax) (rule, error) {
	pattern, err := c.str(at, s)
	if err != nil {
		return nil, err
	}
	parts := wildcard{nil}
	for i := 0; i < len(pattern); i++ {
		rest := pattern[i+1:]
		switch ch := pattern[i]; {
		case ch == '*' && strings.HasPrefix(rest, "*"):
			return nil, c.bad(at, "two * in a row; one stands for any number of characters")
		case ch == '*':
			parts = append(parts, nil)
			continue
		case ch == '\\' && !strings.HasPrefix(rest, "*") && !strings.HasPrefix(rest, `\`):
			return nil, c.bad(at, `a \ must be followed by * or \`)
		case ch == '\\':
			i++
		}
		parts[len(parts)-1] = append(parts[len(parts)-1], pattern[i])
	}
	if len(parts) == 1 {
		return equalString(parts[0]), nil
	}
	if parts.tooComplex() {
		return nil, c.bad(at, "too complex for AWS; use fewer * or fewer repetitions after a *")
	}
	return parts, nil
}

// tooComplex measures how many beginnings of the pattern, from its first star on, one string can match at the same
// time: each star, and each beginning of the part after it that the string ends with.
func (r wildcard) tooComplex() bool {
	for _, longest := range r[1:] {
		for i := range len(longest) + 1 {
			if r.complexity(longest[:i]) > maxComplexity {
				return true
			}
		}
	}
	return false
}

// complexity counts for a string that ends with text. It stops once there is too much.
func (r wildcard) complexity(text []byte) int {
	parts := r[1:]
	n := len(parts)
	for _, part := range parts {
		for end := 1; end <= min(len(text), len(part)) && n <= maxComplexity; end++ {
			if bytes.HasSuffix(text, part[:end]) {
				n++
			}
		}
	}
	return n
}

func (r wildcard) passedBy(v value) bool {
	first, middle, last := r[0], r[1:len(r)-1], r[len(r)-1]
	if v.form != aString || len(v.text) < len(first)+len(last) ||
		!bytes.HasPrefix(v.text, first) || !bytes.HasSuffix(v.text, last) {
		return false
	}
	// The leftmost place for a part leaves the most room for those after it, so none is ever reconsidered.
	s := v.text[len(first) : len(v.text)-len(last)]
	for _, part := range middle {
		i := bytes.Index(s, part)
		if i < 0 {
			return false
		}
		s = s[i+len(part):]
	}
	return true
}
