package api

import (
	"bytes"
	"unicode"
	"unicode/utf8"
)

// str reads a string. Unfinished says what is missing when the text ends within.
func (r *reader) str(unfinished string) {
	for r.at++; r.at < len(r.text); {
		switch c := r.text[r.at]; {
		case c == '"':
			r.at++
			return
		case c == '\\':
			if r.escape(); r.flaw != nil {
				return
			}
		case c < ' ':
			r.found(r.at+1, "Illegal unquoted character (%s): has to be escaped using backslash to be included in string value", described(c))
			return
		default:
			if !r.character() {
				return
			}
		}
	}
	if unfinished == "in field name" {
		r.found(r.at, "Unexpected end-of-input %s", unfinished)
		return
	}
	r.found(r.at, "Unexpected end-of-input: %s", unfinished)
}

// character reads one character of a string.
func (r *reader) character() bool {
	c, size := utf8.DecodeRune(r.text[r.at:])
	if c != utf8.RuneError || size > 1 {
		r.at += size
		return true
	}
	switch first := r.text[r.at]; {
	case first < 0xC0 || first >= 0xF8: // no character begins so
		r.found(r.at+1, "Invalid UTF-8 start byte 0x%x", first)
	case r.at+1 < len(r.text):
		r.found(r.at+2, "Invalid UTF-8 middle byte 0x%x", r.text[r.at+1])
	default:
		r.found(r.at+1, "Unexpected end-of-input in the middle of a UTF-8 character")
	}
	return false
}

// escape reads a backslash and what it stands before.
func (r *reader) escape() {
	if r.at+1 == len(r.text) {
		r.at++
		return // the end within a string, which is told there
	}
	c := r.text[r.at+1]
	r.at += 2
	switch {
	case bytes.IndexByte([]byte(`"\/bfnrt`), c) >= 0:
	case c == 'u':
		for range 4 {
			if r.at < len(r.text) && bytes.IndexByte([]byte("0123456789abcdefABCDEF"), r.text[r.at]) < 0 {
				r.found(r.at+1, "Unexpected character (%s): expected a hex-digit for character escape sequence", described(r.text[r.at]))
				return
			}
			r.at = min(r.at+1, len(r.text))
		}
	default:
		r.found(r.at, "Unrecognized character escape %s", described(c))
	}
}

// number reads a number.
func (r *reader) number() {
	if r.next() == '-' {
		r.at++
	}
	if r.next() == '0' && r.at+1 < len(r.text) && isDigit(r.text[r.at+1]) {
		r.found(r.at+1, "Invalid numeric value: Leading zeroes not allowed")
		return
	}
	if r.digits("expected digit (0-9) to follow minus sign, for valid numeric value"); r.next() == '.' && r.flaw == nil {
		r.at++
		r.digits("Decimal point not followed by a digit")
	}
	if (r.next() == 'e' || r.next() == 'E') && r.flaw == nil {
		if r.at++; r.next() == '+' || r.next() == '-' {
			r.at++
		}
		r.digits("Exponent indicator not followed by a digit")
	}
}

// digits reads at least one digit.
func (r *reader) digits(expected string) {
	if !isDigit(r.next()) {
		r.unexpected(expected)
		return
	}
	for isDigit(r.next()) {
		r.at++
	}
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

const longestWord = 256

// word reads null, true or false, or finds that what stands in place of a value is none.
func (r *reader) word() {
	begin := r.at
	if r.at == len(r.text) || !startsWord(r.text[r.at]) {
		r.unexpected("expected a valid value " + validValues)
		return
	}
	for r.at < len(r.text) && r.at-begin < longestWord && (startsWord(r.text[r.at]) || isDigit(r.text[r.at])) {
		r.at++
	}
	word := string(r.text[begin:r.at])
	switch word {
	case "null", "true", "false":
		return
	}
	if r.at < len(r.text) {
		r.at++ // the parser has read it, to see that the word ends
	}
	if len(word) == longestWord {
		word += "..."
	}
	r.found(r.at, "Unrecognized token '%s': was expecting %s", latin1(word), validValues)
}

// startsWord says whether a word may begin with c, which the parser takes for a character of its own.
func startsWord(c byte) bool {
	return c == '_' || c == '$' || unicode.IsLetter(rune(c)) || unicode.Is(unicode.Sc, rune(c))
}

// latin1 is a word whose bytes are characters each.
func latin1(word string) string {
	runes := make([]rune, len(word))
	for i := range len(word) {
		runes[i] = rune(word[i])
	}
	return string(runes)
}
