package ddbstreams

import (
	"errors"
	"io"
	"testing"
	"testing/synctest"

	"github.com/esm-run/esm"
)

// What is not there says nothing of a shard's end.
func TestAnEmptyAnswerIsAFailure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.put("a")
		r.instead("GetRecords", func(call) *answer { return ok(map[string]any{}) })
		reader := r.open(esm.From{})
		if recs, err := reader.Read(t.Context(), 5); err == nil || errors.Is(err, io.EOF) {
			t.Errorf("read %v, %v", recs, err)
		}
		if recs, err := reader.Read(t.Context(), 5); err != nil || len(recs) != 1 {
			t.Errorf("read %v, %v behind the empty answer", recs, err)
		}
	})
}
