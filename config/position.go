package config

import (
	"cmp"
	"strings"
)

// ComparePositions compares two positions in one shard and returns -1, 0 or 1. Positions are sequence numbers: unsigned
// decimals of any length, possibly with leading zeros (AWS: API_GetRecords). The records of an aggregated record share its
// number and have an index: "…42/0", "…42/1". A number without an index comes before all of its indexes.
//
// Other texts are ordered too, but the order has no meaning.
func ComparePositions(a, b string) int {
	a, indexA, hasA := strings.Cut(a, "/")
	b, indexB, hasB := strings.Cut(b, "/")
	if c := compareNumbers(a, b); c != 0 {
		return c
	}
	if hasA != hasB {
		if hasB {
			return -1
		}
		return 1
	}
	return compareNumbers(indexA, indexB)
}

// compareNumbers compares decimals by length, then by digits. An empty text is 0.
func compareNumbers(a, b string) int {
	a, b = strings.TrimLeft(a, "0"), strings.TrimLeft(b, "0")
	if c := cmp.Compare(len(a), len(b)); c != 0 {
		return c
	}
	return strings.Compare(a, b)
}
