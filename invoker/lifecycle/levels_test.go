package lifecycle

import (
	"strings"
	"testing"

	"github.com/esm-run/esm/config"
	"github.com/esm-run/esm/trace"
)

// Lines of JSON logs are filtered by their level; lines without one are INFO, and what is no JSON object passes.
func TestLineLevels(t *testing.T) {
	lines := []string{
		`{"level":"TRACE"}`, `{"level":"DEBUG"}`, `{"level":"INFO"}`, `{"level":"WARN"}`, `{"level":"ERROR"}`, `{"level":"FATAL"}`,
		`{"level":"debug"}`, `{"level":"LOUD"}`, `{"level":5}`, `{"message":"x"}`,
		`{"level":"ERROR","timestamp":"2024-01-01T00:00:00.000Z"}`, `{"level":"ERROR","timestamp":"now"}`, `{"level":"ERROR","timestamp":5}`,
		`  {"level":"DEBUG"}`, `{"level":"DEBUG"} and`, `["DEBUG"]`, `DEBUG`, ``,
	}
	for _, tt := range []struct {
		logging config.Logging
		dropped string // the numbers of lines that are not shown
	}{
		{config.Logging{LogFormat: "JSON", ApplicationLogLevel: "TRACE"}, ""},
		{config.Logging{LogFormat: "JSON", ApplicationLogLevel: "DEBUG"}, "a"},
		{config.Logging{LogFormat: "JSON"}, "abgn"},
		{config.Logging{LogFormat: "JSON", ApplicationLogLevel: "WARN"}, "abcghijlmn"},
		{config.Logging{LogFormat: "JSON", ApplicationLogLevel: "FATAL"}, "abcdeghijklmn"},
		{config.Logging{LogFormat: "Text", ApplicationLogLevel: "FATAL"}, ""},
	} {
		shown := map[string]bool{}
		o := newOutput(func(e trace.Event) { shown[e.(trace.Output).Line] = true }, "f", tt.logging)
		for _, line := range lines {
			o.line([]byte(line), false)
		}
		var dropped strings.Builder
		for i, line := range lines {
			if !shown[line] {
				dropped.WriteByte('a' + byte(i))
			}
		}
		if got := dropped.String(); got != tt.dropped {
			t.Errorf("%v: dropped %q, want %q", tt.logging, got, tt.dropped)
		}
	}
}
