package filter

import (
	"bytes"
	"encoding/json"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
)

// maxDepth is the limit on nested arrays and objects, the same as encoding/json's.
const maxDepth = 10000

// reader splits a JSON text into tokens. After an error it behaves as at the end of the text.
type reader struct {
	text  []byte
	at    int
	depth int
	bad   bool // text is not JSON or is nested too deep

	repeats  bool // an object repeated a key that tests ask for
	lastOnly bool // repeated keys are known: read only the last
}

func (r *reader) fail() { r.text, r.at, r.bad = nil, 0, true }

// peek skips white space and returns the next byte, 0 at the end of the text.
func (r *reader) peek() byte {
	for ; r.at < len(r.text); r.at++ {
		switch c := r.text[r.at]; c {
		case ' ', '\t', '\n', '\r':
		default:
			return c
		}
	}
	return 0
}

// expect skips white space and steps over c.
func (r *reader) expect(c byte) {
	if r.peek() != c {
		r.fail()
		return
	}
	r.at++
}

// open steps into an array or object.
func (r *reader) open() {
	r.at++
	if r.depth++; r.depth > maxDepth {
		r.fail()
	}
}

// more reports whether the array or object that ends with the given byte has another item, and steps to that item or
// past the end.
func (r *reader) more(end byte, first bool) bool {
	if r.peek() == end {
		r.at++
		r.depth--
		return false
	}
	if !first {
		r.expect(',')
	}
	return !r.bad
}

// str steps over a string and returns the bytes between its quotes.
func (r *reader) str() []byte {
	r.expect('"')
	for i := r.at; i < len(r.text); i++ {
		switch c := r.text[i]; {
		case c == '"':
			raw := r.text[r.at:i]
			r.at = i + 1
			return raw
		case c == '\\' && validEscape(r.text[i:]):
			i++
		case c == '\\', c < ' ':
			r.fail()
		}
	}
	r.fail()
	return nil
}

// word steps over a number, true, false or null and returns it.
func (r *reader) word() []byte {
	start := r.at
	for ; r.at < len(r.text); r.at++ {
		if c := r.text[r.at]; c <= ' ' || c == ',' || c == ']' || c == '}' {
			break
		}
	}
	word := r.text[start:r.at]
	if !json.Valid(word) {
		r.fail()
		return nil
	}
	return word
}

// escapes are the characters that stand after a backslash, and their meaning.
var escapes = [256]byte{'"': '"', '\\': '\\', '/': '/', 'b': '\b', 'f': '\f', 'n': '\n', 'r': '\r', 't': '\t'}

// validEscape reports whether raw, which begins with a backslash, begins with an escape.
func validEscape(raw []byte) bool {
	if len(raw) > 1 && escapes[raw[1]] != 0 {
		return true
	}
	_, ok := hexEscape(raw)
	return ok
}

// hexEscape returns the UTF-16 code unit of the \u escape that raw begins with.
func hexEscape(raw []byte) (unit rune, ok bool) {
	if len(raw) < 6 || raw[0] != '\\' || raw[1] != 'u' {
		return 0, false
	}
	n, err := strconv.ParseUint(string(raw[2:6]), 16, 16)
	return rune(n), err == nil
}

// unescape returns the text of a string, given the bytes between its quotes. An unpaired surrogate becomes U+FFFD, as in
// encoding/json.
func unescape(raw []byte) []byte {
	i := bytes.IndexByte(raw, '\\')
	if i < 0 {
		return raw
	}
	text := make([]byte, 0, len(raw))
	for ; i >= 0; i = bytes.IndexByte(raw, '\\') {
		text, raw = append(text, raw[:i]...), raw[i:]
		unit, ok := hexEscape(raw)
		if !ok {
			text, raw = append(text, escapes[raw[1]]), raw[2:]
			continue
		}
		raw = raw[6:]
		if utf16.IsSurrogate(unit) {
			low, _ := hexEscape(raw)
			if unit = utf16.DecodeRune(unit, low); unit != utf8.RuneError {
				raw = raw[6:]
			}
		}
		text = utf8.AppendRune(text, unit)
	}
	return append(text, raw...)
}
