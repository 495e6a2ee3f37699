package filter

import "math/bits"

// set is a set of tests, by number, as a bit for each. All sets of a filter have the same length.
type set []uint64

func (s set) add(test int)      { s[test/64] |= 1 << (test % 64) }
func (s set) has(test int) bool { return s[test/64]&(1<<(test%64)) != 0 }

func (s set) union(other set) {
	for i, w := range other {
		s[i] |= w
	}
}

func (s set) subtract(other set) {
	for i, w := range other {
		s[i] &^= w
	}
}

func (s set) intersect(other set) {
	for i, w := range other {
		s[i] &= w
	}
}

// truncate removes test and all after it.
func (s set) truncate(test int) {
	s[test/64] &= 1<<(test%64) - 1
	clear(s[test/64+1:])
}

func (s set) intersects(other set) bool {
	for i, w := range other {
		if s[i]&w != 0 {
			return true
		}
	}
	return false
}

func (s set) empty() bool { return !s.intersects(s) }

// firstRequired returns the first test of s that absence does not pass: one that is not in optional, or that found a
// value. It returns none if there is no such test.
func (s set) firstRequired(optional, valued set) int {
	for i, w := range s {
		if w &^= optional[i] &^ valued[i]; w != 0 {
			return i*64 + bits.TrailingZeros64(w)
		}
	}
	return none
}

const none = -1
