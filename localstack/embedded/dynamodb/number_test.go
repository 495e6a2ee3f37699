package dynamodb

import (
	"math/big"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestNumbers(t *testing.T) {
	zeros := func(n int) string { return strings.Repeat("0", n) }
	for _, test := range []struct{ in, want string }{
		{"1", "1"}, {"1.0", "1"}, {"01", "1"}, {"+1", "1"}, {"-1.50", "-1.5"}, {"0", "0"}, {"-0.00", "0"}, {"0e999", "0"},
		{".5", "0.5"}, {"5.", "5"}, {"1e3", "1000"}, {"1E+3", "1000"}, {"12.5e-3", "0.0125"}, {"100e-2", "1"}, {"120", "120"},
		{"9.99e125", "999" + zeros(123)}, {"-1e-130", "-0." + zeros(129) + "1"},
		{"12345678901234567890123456789012345678", "12345678901234567890123456789012345678"},
	} {
		if got, err := parseNumber(test.in); err != nil || got.String() != test.want {
			t.Errorf("%s: got %s, %v, want %s", test.in, got, err, test.want)
		}
	}
}

func TestInvalidNumbers(t *testing.T) {
	for in, want := range map[string]string{
		"": "cannot be converted", "-": "cannot be converted", ".": "cannot be converted", "1e": "cannot be converted",
		"e1": "cannot be converted", "1e+": "cannot be converted", "0x1": "cannot be converted", "NaN": "cannot be converted",
		"1,5": "cannot be converted", " 1": "cannot be converted", "1e1.5": "cannot be converted", "--1": "cannot be converted",
		"1e126": "overflow", "-1e126": "overflow", "1e99999999999999999999": "overflow", "10e125": "overflow",
		"1e-131": "underflow", "1e-99999999999999999999": "underflow", "0.1e-130": "underflow",
		"123456789012345678901234567890123456789": "38 significant digits",
	} {
		if got, err := parseNumber(in); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, %v, want %q", in, got.digits, err, want)
		}
	}
}

func TestArithmetic(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		number := rapid.StringMatching(`-?[0-9]{1,19}(\.[0-9]{1,19})?(e-?[0-9]{1,2})?`)
		a, b := number.Draw(t, "a"), number.Draw(t, "b")
		x, _ := scanNumber(a)
		y, _ := scanNumber(b)
		if got, want := rational(t, x.plus(y).String()), new(big.Rat).Add(rational(t, a), rational(t, b)); got.Cmp(want) != 0 {
			t.Errorf("%s + %s: got %s, want %s", a, b, got, want)
		}
		if got := x.plus(x.minus()); got != (decimal{}) {
			t.Errorf("%s - %s: got %s", a, a, got)
		}
		if got, want := x.compare(y), rational(t, a).Cmp(rational(t, b)); got != want {
			t.Errorf("compare %s with %s: got %d, want %d", a, b, got, want)
		}
	})
}

func rational(t interface{ Fatalf(string, ...any) }, text string) *big.Rat {
	r, ok := new(big.Rat).SetString(text)
	if !ok {
		t.Fatalf("%s is not a number", text)
	}
	return r
}

// FuzzNumber checks that a parsed number keeps its value and has only one form.
func FuzzNumber(f *testing.F) {
	for _, seed := range []string{"1", "-1.50e3", "0.000", "1e125", "1e-130", "e", "1e999999999999", "00012.500"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		d, err := parseNumber(text)
		if err != nil {
			return
		}
		again, err := parseNumber(d.String())
		if err != nil || again != d {
			t.Errorf("%q: %s and then %s, %v", text, d, again, err)
		}
		if len(text) < 60 && !strings.ContainsAny(text, "eE") && rational(t, strings.TrimSuffix(text, ".")).Cmp(rational(t, d.String())) != 0 {
			t.Errorf("%q became %s", text, d)
		}
	})
}
