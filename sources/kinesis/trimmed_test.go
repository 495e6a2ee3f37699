package kinesis

import (
	"errors"
	"io"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/esm-run/esm"
)

// Behind a position that is there still, reading goes on; behind one that was trimmed away, nobody knows what is missing.
func TestAPositionIsProven(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.put("a", "b")
		time.Sleep(time.Hour)
		at := time.Now()
		r.put("c", "d")
		positions := r.memory.Records(firstShard)
		if got := r.read(r.open(esm.From{After: positions[1].Receipt}), 5); !slices.Equal(got, []string{"c", "d"}) {
			t.Errorf("behind b: %q", got)
		}
		r.memory.Trim(at)
		reader := r.open(esm.From{After: positions[0].Receipt})
		if recs, err := reader.Read(t.Context(), 5); !errors.Is(err, esm.ErrTrimmed) || len(recs) > 0 {
			t.Errorf("behind a, which is trimmed: %d records, %v", len(recs), err)
		}
		if got := r.read(r.open(esm.From{}), 5); !slices.Equal(got, []string{"c", "d"}) {
			t.Errorf("from the oldest: %q", got)
		}
		last := r.open(esm.From{After: positions[3].Receipt})
		if got := r.read(last, 5); len(got) != 0 {
			t.Errorf("behind the last: %q", got)
		}
		r.put("e")
		if got := r.read(last, 5); !slices.Equal(got, []string{"e"}) {
			t.Errorf("then: %q", got)
		}
		r.memory.Close(firstShard)
		end := r.open(esm.From{After: r.memory.Records(firstShard)[4].Receipt})
		for reads := 0; ; reads++ {
			recs, err := end.Read(t.Context(), 5)
			if err == io.EOF {
				break
			}
			if err != nil || len(recs) > 0 || reads > 3 {
				t.Fatalf("behind the last of a closed shard: %d records, %v", len(recs), err)
			}
		}
	})
}
