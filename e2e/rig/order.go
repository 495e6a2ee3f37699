package rig

import (
	"strconv"
	"strings"
	"testing"
)

// Place returns the key of a record such as "k3/17", and its number among those of the key. A "!" at the end does not
// count.
func Place(text string) (key string, n int) {
	key, number, _ := strings.Cut(strings.TrimSuffix(text, "!"), "/")
	n, _ = strconv.Atoi(number)
	return key, n
}

// CheckOrder checks that every key's records came in their order, once each, and how many those are.
func CheckOrder(t testing.TB, texts []string, total int) {
	t.Helper()
	next := map[string]int{}
	for _, text := range texts {
		key, n := Place(text)
		if n != next[key] {
			t.Fatalf("%s comes where %s/%d is next", text, key, next[key])
		}
		next[key]++
	}
	if len(texts) != total {
		t.Errorf("%d records, want %d", len(texts), total)
	}
}
