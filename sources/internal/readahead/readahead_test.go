package readahead

import (
	"testing"

	"github.com/esm-run/esm"
)

func shape(s *string) esm.Record { return esm.Record{ID: *s} }

// What was handed out is not held.
func TestReadReleasesRecords(t *testing.T) {
	came := []string{"a", "b", "c"}
	a := Buffer[string]{Records: came}
	for range 2 {
		if _, err := a.Read(t.Context(), 2, nil, shape); err != nil {
			t.Fatal(err)
		}
	}
	if a.Records != nil || came[0] != "" || came[2] != "" {
		t.Errorf("holds %q, of %q", a.Records, came)
	}
}
