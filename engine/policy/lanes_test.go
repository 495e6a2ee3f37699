package policy_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/esm-run/esm/engine/policy"
)

// Checkpoints outlive versions of the engine, so a key's lane must not change.
func TestLane(t *testing.T) {
	for _, test := range []struct {
		key   string
		lanes []int // of 1, 2, 3, 4, 5, 6, 7, 8, 9, 10
	}{
		{"", []int{0, 0, 2, 2, 2, 2, 1, 6, 2, 2}},
		{"cust-9", []int{0, 0, 0, 0, 3, 0, 5, 4, 0, 8}},
		{`{"pk":{"S":"cust#9"},"sk":{"N":"17"}}`, []int{0, 0, 1, 2, 3, 4, 0, 6, 7, 8}},
		{"ключ", []int{0, 1, 0, 1, 1, 3, 2, 5, 0, 1}},
	} {
		var got []int
		for lanes := 1; lanes <= 10; lanes++ {
			got = append(got, policy.Lane(test.key, lanes))
		}
		if !slices.Equal(got, test.lanes) {
			t.Errorf("%q: got %v, want %v", test.key, got, test.lanes)
		}
	}
}

// Similar keys are spread evenly: no lane has a third more or less than its share.
func TestLanesAreEven(t *testing.T) {
	for _, form := range []string{"%d", "customer-%08d", "%d000", "%x", `{"pk":{"S":"%d"}}`} {
		for lanes := 2; lanes <= 10; lanes++ {
			count := make([]int, lanes)
			for i := range 10_000 {
				count[policy.Lane(fmt.Sprintf(form, 2*i), lanes)]++
			}
			share := 10_000 / lanes
			for lane, n := range count {
				if n < share*2/3 || n > share*4/3 {
					t.Errorf("%s: lane %d of %d has %d of 10000 keys", form, lane, lanes, n)
				}
			}
		}
	}
}
