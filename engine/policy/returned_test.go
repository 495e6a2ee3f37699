package policy_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/esm-run/esm/engine/policy"
	"pgregory.net/rapid"
)

func TestCurrent(t *testing.T) {
	recs := batch("m1", "m2", "m3", "m4", "m5")
	recs[1].Until, recs[1].Group = began.Add(time.Second), "A"
	recs[2].Until = time.Time{} // never returns
	recs[3].Group = "A"
	recs[4].Group = "B"
	for _, test := range []struct {
		name  string
		after time.Duration
		want  string
	}{
		{"none has returned", time.Second - 1, "[m1 m2 m3 m4 m5] []"},
		{"one has, and its group goes along", time.Second, "[m1 m3 m5] [m2 m4]"},
		{"all have that ever do", time.Minute, "[m3] [m1 m2 m4 m5]"},
	} {
		current, returned := policy.Current(recs, began.Add(test.after))
		if got := fmt.Sprint(idsOf(current), idsOf(returned)); got != test.want {
			t.Errorf("%s: got %s, want %s", test.name, got, test.want)
		}
	}
}

func TestCurrentLosesNothing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		recs := drawRecords(t, 0, began)
		current, returned := policy.Current(recs, began.Add(5*time.Second))
		checkSplit(t, recs, current, returned)
	})
}
