package wiring

import (
	"testing"

	"github.com/esm-run/esm/config"
)

// Each kind of source in the table of kinds has its wiring.
func TestEveryKindIsWired(t *testing.T) {
	for _, kind := range config.Kinds {
		if s, ok := newSources()[kind]; !ok || (s.queue == nil) != kind.Stream || (s.stream == nil) == kind.Stream {
			t.Errorf("%s: the wiring is %+v", kind.Name, s)
		}
	}
}
