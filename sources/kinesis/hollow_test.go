package kinesis

import (
	"errors"
	"io"
	"testing"
	"testing/synctest"

	"github.com/esm-run/esm"
)

// What is not there says nothing of a shard's end, or of which stream this is.
func TestAnEmptyAnswerIsAFailure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.put("a")
		empty := func(call) *answer { return ok(map[string]any{}) }
		r.instead("GetRecords", empty)
		r.instead("DescribeStreamSummary", empty)
		r.instead("ListShards", empty)
		reader := r.open(esm.From{})
		if recs, err := reader.Read(t.Context(), 5); err == nil || errors.Is(err, io.EOF) {
			t.Errorf("read %v, %v", recs, err)
		}
		for range 2 { // the summary, then the shards
			if listing, err := r.stream.List(t.Context()); err == nil {
				t.Errorf("listed %+v", listing)
			}
		}
		if got := r.read(reader, 5); len(got) != 1 {
			t.Errorf("read %q behind the empty answer", got)
		}
		if listing, err := r.stream.List(t.Context()); err != nil || len(listing.Shards) == 0 {
			t.Errorf("listed %+v, %v", listing, err)
		}
	})
}
