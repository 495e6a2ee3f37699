package logging

import (
	"strings"
	"unicode"
)

// OneLine shortens s to at most n characters on one line, without control characters, which could control a terminal.
func OneLine(s string, n int) string {
	words := strings.FieldsFunc(s, func(r rune) bool { return unicode.IsSpace(r) || unicode.IsControl(r) })
	runes := []rune(strings.Join(words, " "))
	if len(runes) <= n {
		return string(runes)
	}
	return string(runes[:n-1]) + "…"
}
