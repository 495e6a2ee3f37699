package config_test

import (
	"math/big"
	"strings"
	"testing"

	"github.com/esm-run/esm/config"
)

func TestComparePositions(t *testing.T) {
	for _, test := range []struct {
		a, b string
		want int
	}{
		{"1", "2", -1},
		{"10", "9", 1},
		{"007", "7", 0},
		{"0", "000", 0},
		{"", "0", 0},
		{"", "1", -1},
		{"49660123456789012345678901234567890123456789012345678914", "49660123456789012345678901234567890123456789012345678930", -1},
		{"4500001234567890123456", "49660123456789012345678901234567890123456789012345678914", -1},
		{"9223372036854775807", "49660123456789012345678901234567890123456789012345678914", -1},
		{"42/9", "42/10", -1},
		{"42/3", "42/3", 0},
		{"42/10", "43/0", -1},
		{"42", "42/0", -1},
		{"43", "42/7", 1},
	} {
		if got := config.ComparePositions(test.a, test.b); got != test.want {
			t.Errorf("%q and %q: got %d, want %d", test.a, test.b, got, test.want)
		}
		if got := config.ComparePositions(test.b, test.a); got != -test.want {
			t.Errorf("%q and %q: got %d, want %d", test.b, test.a, got, -test.want)
		}
	}
}

// ComparePositions agrees with arithmetic on numbers, and is an order on all texts.
func FuzzComparePositions(f *testing.F) {
	f.Add("1", "02", "10")
	f.Add("42/1", "42", "42/01")
	f.Add("x", "/", "//9")
	f.Fuzz(func(t *testing.T, a, b, c string) {
		ab, ba, bc, ac := config.ComparePositions(a, b), config.ComparePositions(b, a), config.ComparePositions(b, c), config.ComparePositions(a, c)
		if ab != -ba || config.ComparePositions(a, a) != 0 {
			t.Errorf("%q and %q: %d and %d", a, b, ab, ba)
		}
		if ab <= 0 && bc <= 0 && ac > 0 {
			t.Errorf("%q, %q and %q: %d, %d but %d", a, b, c, ab, bc, ac)
		}
		if want, ok := slowCompare(a, b); ok && ab != want {
			t.Errorf("%q and %q: got %d, want %d", a, b, ab, want)
		}
	})
}

func slowCompare(a, b string) (order int, ok bool) {
	numberA, indexA, okA := parsePosition(a)
	numberB, indexB, okB := parsePosition(b)
	if c := numberA.Cmp(numberB); c != 0 {
		return c, okA && okB
	}
	return indexA.Cmp(indexB), okA && okB
}

// parsePosition returns a number and its index; without an index it is -1.
func parsePosition(text string) (number, index *big.Int, ok bool) {
	number, index = new(big.Int), big.NewInt(-1)
	n, i, hasIndex := strings.Cut(text, "/")
	if ok = digits(n) && (!hasIndex || digits(i)); !ok {
		return number, index, false
	}
	number.SetString(n, 10)
	if hasIndex {
		index.SetString(i, 10)
	}
	return number, index, true
}

func digits(text string) bool {
	return text != "" && strings.Trim(text, "0123456789") == ""
}
