package trace_test

import (
	"testing"

	"github.com/esm-run/esm/trace"
)

func TestVerdictString(t *testing.T) {
	for v, want := range map[trace.Verdict]string{
		trace.Done: "Done", trace.Partial: "Partial", trace.Failed: "Failed", trace.NotRun: "NotRun",
		trace.Refused: "Refused", 99: "Verdict(99)",
	} {
		if got := v.String(); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}
