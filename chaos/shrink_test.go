package chaos

import (
	"fmt"
	"slices"
	"testing"
)

func TestShrink(t *testing.T) {
	var all []Strike
	for n := range 40 {
		all = append(all, Strike{SourceUndone, fmt.Sprint(n), 1})
	}
	for _, c := range []struct {
		needed []int
		runs   int
		want   int // how many strikes are left
	}{
		{nil, 1000, 0}, {[]int{7}, 1000, 1}, {[]int{0, 39}, 1000, 2}, {[]int{3, 4, 20, 31}, 1000, 4}, {[]int{7}, 0, 40}, {[]int{7}, 1, 40}, {[]int{30}, 1, 20},
	} {
		calls := 0
		got := Shrink(all, c.runs, func(only map[Strike]bool) bool {
			calls++
			return !slices.ContainsFunc(c.needed, func(n int) bool { return !only[all[n]] })
		})
		if len(got) != c.want || calls > c.runs {
			t.Errorf("%v needed: %d strikes are left after %d runs, want %d after %d at most", c.needed, len(got), calls, c.want, c.runs)
		}
	}
	if got := Shrink(all, 1000, func(map[Strike]bool) bool { return false }); len(got) != len(all) {
		t.Errorf("%d strikes are left of %d that are all needed", len(got), len(all))
	}
}
