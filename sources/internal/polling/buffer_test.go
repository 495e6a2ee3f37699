package polling

import (
	"testing"

	"github.com/esm-run/esm"
)

// A buffer does not hold what it has handed out.
func TestReadReleasesRecords(t *testing.T) {
	recs := []string{"a", "b", "c"}
	b := Buffer[string]{Records: recs}
	for range 2 {
		if _, err := b.Read(t.Context(), 2, nil, func(s *string) esm.Record { return esm.Record{ID: *s} }); err != nil {
			t.Fatal(err)
		}
	}
	if b.Records != nil || recs[0] != "" || recs[2] != "" {
		t.Errorf("holds %q, of %q", b.Records, recs)
	}
}
