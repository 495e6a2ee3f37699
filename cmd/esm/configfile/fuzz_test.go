package configfile

import (
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

func FuzzLoad(f *testing.F) {
	f.Add(full(f))
	f.Add(smallest)
	for _, c := range bad {
		if len(c.text) < 2000 {
			f.Add(c.text)
		}
	}
	f.Add("a: &a [*a]\n? [x]\n: !!str 5\n'b': \"\\u00e9\\\n  c\"\nd: |+\n  e\n\n")
	f.Add("\ufeffFunctions:\r\n  ä: {Command: ['x\r\n\r\n y'], Timeuot: 3}\r\n")
	f.Fuzz(func(t *testing.T, text string) {
		if len(text) > 10_000 {
			return
		}
		file, report := loadText(t, text, "TABLE=x")
		if (file == nil) != (len(report.Errors) > 0) {
			t.Errorf("file %v with %d errors", file != nil, len(report.Errors))
		}
		lines := linesOf(text)
		for _, found := range slices.Concat(report.Errors, report.Warnings) {
			if !inside(found, lines) {
				t.Errorf("%s is not a place in a file of %d lines", found, len(lines))
			}
		}
	})
}

func linesOf(text string) []string {
	text = strings.TrimPrefix(text, "\ufeff")
	return strings.Split(strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(text), "\n")
}

// inside reports whether a finding is on a character of the file, at the end of a line, or has no position.
func inside(found Finding, lines []string) bool {
	if found.Line == 0 {
		return found.Column == 0
	}
	if found.Line > len(lines) || found.Column < 1 || found.Column > utf8.RuneCountInString(lines[found.Line-1])+1 {
		return false
	}
	// The reported position of an unknown plain key is that of the key.
	key := found.Path[strings.LastIndexAny(found.Path, ".[]")+1:]
	if !strings.HasPrefix(found.Message, "unknown key") || strings.ContainsAny(found.Path, `"`) || key == "" {
		return true
	}
	rest := string([]rune(lines[found.Line-1])[found.Column-1:])
	return strings.HasPrefix(strings.TrimLeft(rest, `"'&*!? `), key[:1]) || strings.ContainsAny(rest, `\&*!?"`)
}
