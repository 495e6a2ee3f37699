package filter

import "math/bits"

// row is a set of tests, a bit for each. The rows of one filter are equally long.
type row []uint64

func (r row) set(i int)      { r[i/64] |= 1 << (i % 64) }
func (r row) has(i int) bool { return r[i/64]&(1<<(i%64)) != 0 }

func (r row) or(other row) {
	for i, w := range other {
		r[i] |= w
	}
}

func (r row) without(other row) {
	for i, w := range other {
		r[i] &^= w
	}
}

func (r row) and(other row) {
	for i, w := range other {
		r[i] &= w
	}
}

// cut takes out all tests from i on.
func (r row) cut(i int) {
	r[i/64] &= 1<<(i%64) - 1
	clear(r[i/64+1:])
}

func (r row) meets(other row) bool {
	for i, w := range other {
		if r[i]&w != 0 {
			return true
		}
	}
	return false
}

func (r row) empty() bool {
	for _, w := range r {
		if w != 0 {
			return false
		}
	}
	return true
}

// firstBeyond returns the first test of r that is not passed by absence, given which tests may be passed so and which
// have a value.
func (r row) firstBeyond(absentable, present row) int {
	for i, w := range r {
		if w &^= absentable[i] &^ present[i]; w != 0 {
			return i*64 + bits.TrailingZeros64(w)
		}
	}
	return none
}

const none = -1
