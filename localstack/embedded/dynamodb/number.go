package dynamodb

import (
	"math/big"
	"regexp"
	"strconv"
	"strings"
)

// The limits of a number (AWS: "Supported data types and naming rules in Amazon DynamoDB").
const (
	maxDigits    = 38
	maxMagnitude = 125
	minMagnitude = -130
)

// A decimal is digits × 10^exponent. Digits neither begin nor end with a zero, and are empty for zero.
type decimal struct {
	negative bool
	digits   string
	exponent int
}

// parseNumber parses a number within DynamoDB's limits.
func parseNumber(text string) (decimal, error) {
	d, ok := scanNumber(text)
	if !ok {
		return decimal{}, invalid("The parameter cannot be converted to a numeric value: %s", text)
	}
	return d, d.check()
}

var numberForm = regexp.MustCompile(`^([+-]?)(\d*)(?:\.(\d*))?(?:[eE]([+-]?\d+))?$`)

// scanNumber parses a number of any magnitude. An exponent that is far out of range may be replaced by another such one.
func scanNumber(text string) (decimal, bool) {
	m := numberForm.FindStringSubmatch(text)
	if m == nil || m[2]+m[3] == "" {
		return decimal{}, false
	}
	exponent, _ := strconv.ParseInt(m[4], 10, 32) // clamps
	return normalize(m[1] == "-", m[2]+m[3], int(exponent)-len(m[3])), true
}

// normalize drops leading and trailing zeros.
func normalize(negative bool, digits string, exponent int) decimal {
	digits = strings.TrimLeft(digits, "0")
	short := strings.TrimRight(digits, "0")
	if short == "" {
		return decimal{}
	}
	return decimal{negative, short, exponent + len(digits) - len(short)}
}

func (d decimal) check() error {
	magnitude := d.exponent + len(d.digits) - 1
	switch {
	case d.digits == "":
		return nil
	case magnitude > maxMagnitude:
		return invalid("Number overflow. Attempting to store a number with magnitude larger than supported range")
	case magnitude < minMagnitude:
		return invalid("Number underflow. Attempting to store a number with magnitude smaller than supported range")
	case len(d.digits) > maxDigits:
		return invalid("Attempting to store more than 38 significant digits in a Number")
	}
	return nil
}

// String returns the number without an exponent, as DynamoDB does.
func (d decimal) String() string {
	text, point := d.digits, len(d.digits)+d.exponent
	switch {
	case text == "":
		return "0"
	case d.exponent >= 0:
		text += strings.Repeat("0", d.exponent)
	case point > 0:
		text = text[:point] + "." + text[point:]
	default:
		text = "0." + strings.Repeat("0", -point) + text
	}
	if d.negative {
		return "-" + text
	}
	return text
}

// scaled returns the number in units of 10^exponent, which must not exceed d.exponent.
func (d decimal) scaled(exponent int) *big.Int {
	n, _ := new(big.Int).SetString("0"+d.digits+strings.Repeat("0", d.exponent-exponent), 10)
	if d.negative {
		n.Neg(n)
	}
	return n
}

func (d decimal) minus() decimal {
	d.negative = !d.negative && d.digits != ""
	return d
}

// plus returns the exact sum, which may be out of range.
func (d decimal) plus(e decimal) decimal {
	unit := min(d.exponent, e.exponent)
	sum := new(big.Int).Add(d.scaled(unit), e.scaled(unit))
	return normalize(sum.Sign() < 0, new(big.Int).Abs(sum).String(), unit)
}

// compare returns a negative number if d < e, zero if d = e, and a positive number if d > e.
func (d decimal) compare(e decimal) int {
	unit := min(d.exponent, e.exponent)
	return d.scaled(unit).Cmp(e.scaled(unit))
}

// size returns the number's size in an item: about a byte for two digits, and one more.
func (d decimal) size() int {
	n := 1 + (len(d.digits)+1)/2
	if d.negative {
		n++
	}
	return n
}
