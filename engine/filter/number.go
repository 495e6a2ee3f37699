package filter

import (
	"math"
	"strconv"
)

// decimal is a JSON number as a double.
type decimal struct {
	float  float64
	finite bool // false beyond the range of doubles
	exact  bool // the shortest decimal for float has the value that was written: up to 15 digits always, 17 at most
}

func parseNumber(written []byte) decimal {
	if n, ok := smallInteger(written); ok {
		return decimal{float: n, finite: true, exact: true}
	}
	f, err := strconv.ParseFloat(string(written), 64)
	if err != nil || math.IsInf(f, 0) {
		return decimal{float: f}
	}
	var shortest [32]byte
	was, ok := split(written)
	is, _ := split(strconv.AppendFloat(shortest[:0], f, 'e', -1, 64))
	return decimal{float: f, finite: true, exact: ok && was == is}
}

// smallInteger reads the commonest numbers: integers of up to 15 digits.
func smallInteger(written []byte) (n float64, ok bool) {
	digits := written
	if digits[0] == '-' {
		digits = digits[1:]
	}
	if len(digits) > 15 {
		return 0, false
	}
	var i int64
	for _, c := range digits {
		if c < '0' || c > '9' {
			return 0, false
		}
		i = i*10 + int64(c-'0')
	}
	if len(digits) < len(written) {
		i = -i
	}
	return float64(i), true
}

// digits is a number as 0.d1d2d3… × 10^exponent with neither d1 nor the last digit 0. Equal numbers have equal digits.
type digits struct {
	negative bool
	n        int
	digit    [18]byte
	exponent int
}

// split takes a JSON number apart. It reports false if it has more digits than a double can tell apart.
func split(written []byte) (d digits, ok bool) {
	zeros, fraction := 0, false // zeros not kept yet, for they may be the last; whether the point has been passed
	for i, c := range written {
		switch {
		case c == '-':
			d.negative = true
		case c == '.':
			fraction = true
		case c == 'e' || c == 'E':
			return d.scaled(written[i+1:]), true
		case c == '0' && d.n == 0:
			if fraction {
				d.exponent--
			}
			continue
		case c == '0':
			zeros++
		default:
			if d.n+zeros >= len(d.digit) {
				return d, false
			}
			d.n += zeros // which are 0 already, if only as bytes
			d.digit[d.n] = c
			d.n, zeros = d.n+1, 0
		}
		if !fraction && c != '-' {
			d.exponent++
		}
	}
	return d.scaled(nil), true
}

// scaled adds an exponent as it is written. All zeros are made equal.
func (d digits) scaled(written []byte) digits {
	const enough = 1 << 20 // far beyond doubles, in either direction
	e, negative := 0, false
	for _, c := range written {
		switch c {
		case '-':
			negative = true
		case '+':
		default:
			e = min(e*10+int(c-'0'), enough)
		}
	}
	if negative {
		e = -e
	}
	if d.n == 0 {
		return digits{}
	}
	d.exponent += e
	return d
}
