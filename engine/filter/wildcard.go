package filter

import (
	"bytes"
	"strings"
)

// maxComplexity is the highest complexity of a wildcard that AWS accepts. It is measured as in event-ruler; AWS refused a
// pattern of complexity 11. Matching here takes no longer for complex patterns.
const maxComplexity = 10

// wildcard holds the parts of a pattern between its stars, at least two. A string must contain them in this order.
type wildcard [][]byte

// wildcard compiles a pattern in which * stands for any characters, \* for a star and \\ for a backslash.
func (c *compiler) wildcard(at position, s syntax) (rule, error) {
	pattern, err := c.string(at, s)
	if err != nil {
		return nil, err
	}
	parts := wildcard{nil}
	for i := 0; i < len(pattern); i++ {
		rest := pattern[i+1:]
		switch ch := pattern[i]; {
		case ch == '*' && strings.HasPrefix(rest, "*"):
			return nil, c.errorf(at, "two * in a row; one stands for any number of characters")
		case ch == '*':
			parts = append(parts, nil)
			continue
		case ch == '\\' && !strings.HasPrefix(rest, "*") && !strings.HasPrefix(rest, `\`):
			return nil, c.errorf(at, `a \ must be followed by * or \`)
		case ch == '\\':
			i++
		}
		parts[len(parts)-1] = append(parts[len(parts)-1], pattern[i])
	}
	if len(parts) == 1 {
		return equalString(parts[0]), nil
	}
	if parts.tooComplex() {
		return nil, c.errorf(at, "too complex for AWS; use fewer * or fewer repetitions after a *")
	}
	return parts, nil
}

// tooComplex reports whether the complexity of the pattern is above maxComplexity. The complexity is the number of
// prefixes of the pattern, from its first star on, that one string can match at the same time: one for each star, and
// one for each prefix of the part after it that the string ends with.
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

// complexity counts the prefixes for a string that ends with text, up to maxComplexity+1.
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
	if v.kind != aString || len(v.text) < len(first)+len(last) ||
		!bytes.HasPrefix(v.text, first) || !bytes.HasSuffix(v.text, last) {
		return false
	}
	// Taking the leftmost match of each part leaves the most room for the next, so there is no backtracking.
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
