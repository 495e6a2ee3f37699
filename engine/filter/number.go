package filter

import (
	"strconv"
	"strings"
)

// exactFloat returns a JSON number as a double, and whether the double's shortest decimal has the same value: up to 15
// digits always, with more than 17 never.
func exactFloat(written string) (f float64, exact bool) {
	f, err := strconv.ParseFloat(written, 64)
	return f, err == nil && normalize(written) == normalize(strconv.FormatFloat(f, 'g', -1, 64))
}

// normalize writes a number as digits that neither begin nor end with 0, and an exponent. Equal numbers become equal.
func normalize(number string) string {
	sign := ""
	if strings.HasPrefix(number, "-") {
		sign, number = "-", number[1:]
	}
	mantissa, power, _ := strings.Cut(strings.ToLower(number), "e")
	exponent, _ := strconv.Atoi(power) // capped at the range of int, far beyond that of doubles
	whole, fraction, _ := strings.Cut(mantissa, ".")
	digits := strings.TrimLeft(whole+fraction, "0")
	significant := strings.TrimRight(digits, "0")
	if significant == "" {
		return "0"
	}
	exponent += len(digits) - len(significant) - len(fraction)
	return sign + significant + "e" + strconv.Itoa(exponent)
}
