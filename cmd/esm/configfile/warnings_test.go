package configfile

import (
	"slices"
	"strings"
	"testing"
)

// Missing files of a function.
func TestWarningsOfCode(t *testing.T) {
	for _, c := range []struct {
		name, text string
		want       []string
	}{
		{"a handler", "Functions: {a: {Runtime: python3.12, Handler: app.handler, CodeUri: src}}\n", nil},
		{"a handler without its file", "Functions:\n  a: {Runtime: python3.12, Handler: ap.handler, CodeUri: src}\n", []string{
			"2:28: Functions.a.Handler: ap.handler: …"}},
		{"a handler that is elsewhere", "Functions:\n  a: {Runtime: python3.12, Handler: ap.handler, CodeUri: src, Environment: {Variables: {PYTHONPATH: /lib}}}\n", nil},
		{"a command", "Functions: {a: {Command: [./bootstrap, x], CodeUri: bin}, b: {Command: [python3]}}\n", nil},
		{"a command without its file", "Functions:\n  a: {Command: [./bootstrap], CodeUri: src}\n", []string{
			"2:7: Functions.a.Command: ./bootstrap is not an executable file (relative to CodeUri): without it every invocation fails"}},
	} {
		_, report := loadText(t, c.text)
		if err := report.Err(); err != nil {
			t.Errorf("%s: %v", c.name, err)
		} else if !slices.EqualFunc(report.Warnings, c.want, matches) {
			t.Errorf("%s: got\n%s\nwant\n%s", c.name, report, strings.Join(c.want, "\n"))
		}
	}
}

// A reported error is not repeated as a warning.
func TestInvalidHandlerIsReportedOnce(t *testing.T) {
	_, report := loadText(t, "Functions: {a: {Runtime: python3.12, CodeUri: src}, b: {Runtime: nodejs22.x, Handler: index, CodeUri: src}}\n")
	if len(report.Errors) != 2 || len(report.Warnings) != 0 {
		t.Errorf("got\n%s\nwant two errors and no warning", report)
	}
}
