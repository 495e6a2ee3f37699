package kinesis

import (
	"math/big"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestNumbersHaveTheFormOfAWS(t *testing.T) {
	for _, n := range []number{
		{time.Now().Unix(), 0, 0}, {time.Now().Unix(), 17, 1}, {1_700_000_000, 9999, 100_000}, {1_700_000_000, 1, lastIndex},
	} {
		if text := n.String(); len(text) != 56 || !strings.HasPrefix(text, "49") {
			t.Errorf("%+v is %s, want 56 digits that begin with 49", n, text)
		}
		if got, ok := parseNumber(n.String()); !ok || got != n {
			t.Errorf("%+v became %+v, %v", n, got, ok)
		}
	}
}

// Numbers grow with the epoch of the shard first, then with the record.
func TestNumbersGrow(t *testing.T) {
	draw := func(t *rapid.T, name string) number {
		return number{
			rapid.Int64Range(1_600_000_000, 1_600_000_003).Draw(t, name+" epoch"), 3,
			rapid.OneOf(rapid.Int64Range(0, 3), rapid.Int64Range(0, lastIndex)).Draw(t, name+" index"),
		}
	}
	value := func(n number) *big.Int {
		v, _ := new(big.Int).SetString(n.String(), 10)
		return v
	}
	rapid.Check(t, func(t *rapid.T) {
		a, b := draw(t, "a"), draw(t, "b")
		want := a.epoch < b.epoch || a.epoch == b.epoch && a.index < b.index
		if got := value(a).Cmp(value(b)) < 0; got != want {
			t.Errorf("%s < %s: got %v, want %v", a, b, got, want)
		}
	})
}

func FuzzNumber(f *testing.F) {
	f.Add(number{1_700_000_000, 3, 4}.String())
	f.Add("0")
	f.Add("-1")
	f.Add(strings.Repeat("9", 58))
	f.Fuzz(func(t *testing.T, text string) {
		if n, ok := parseNumber(text); ok && n.String() != text {
			t.Errorf("%q became %+v, which is %s", text, n, n)
		}
	})
}

func TestEvenSpans(t *testing.T) {
	for _, test := range []struct {
		i, n      int
		low, high string
	}{
		{0, 1, "0", "340282366920938463463374607431768211455"},
		{0, 2, "0", "170141183460469231731687303715884105727"},
		{1, 2, half, "340282366920938463463374607431768211455"},
		{0, 3, "0", "113427455640312821154458202477256070484"},
		{1, 3, "113427455640312821154458202477256070485", "226854911280625642308916404954512140969"},
		{2, 3, "226854911280625642308916404954512140970", "340282366920938463463374607431768211455"},
		{1, 4, "85070591730234615865843651857942052864", "170141183460469231731687303715884105727"},
	} {
		if got := evenly(test.i, test.n); got.low.String() != test.low || got.high.String() != test.high {
			t.Errorf("%d of %d: got %s to %s, want %s to %s", test.i, test.n, got.low, got.high, test.low, test.high)
		}
	}
}

func FuzzHash(f *testing.F) {
	f.Add(half)
	f.Add("340282366920938463463374607431768211456")
	f.Add("+1")
	f.Add("007")
	f.Fuzz(func(t *testing.T, text string) {
		h, ok := parseHash(text)
		if ok && h.String() != text {
			t.Errorf("%q became %s", text, h)
		}
		if ok && h.plus(1).plus(-1) != h {
			t.Errorf("%s + 1 - 1 differs", h)
		}
	})
}
