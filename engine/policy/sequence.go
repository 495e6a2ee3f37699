package policy

import (
	"cmp"
	"strings"
)

// Compare orders positions of one shard: -1, 0 or 1. They are sequence numbers, unsigned decimals of any length, which
// may have leading zeros (AWS: API_GetRecords). Records that came out of an aggregated one share its number and have a
// place of their own behind it: "…42/0", "…42/1". The number without a place comes before all of its places.
//
// Any other text has its place in the order, too, but no meaning.
func Compare(a, b string) int {
	a, placeA, hasA := strings.Cut(a, "/")
	b, placeB, hasB := strings.Cut(b, "/")
	if c := compareNumbers(a, b); c != 0 {
		return c
	}
	if hasA != hasB {
		if hasB {
			return -1
		}
		return 1
	}
	return compareNumbers(placeA, placeB)
}

// compareNumbers compares by length, then digit by digit. No digit at all is 0.
func compareNumbers(a, b string) int {
	a, b = strings.TrimLeft(a, "0"), strings.TrimLeft(b, "0")
	if c := cmp.Compare(len(a), len(b)); c != 0 {
		return c
	}
	return strings.Compare(a, b)
}
