package api

import (
	"encoding/json"
	"fmt"
	"unicode"
	"unicode/utf8"
)

// checkPayload refuses an event that is not JSON in UTF-8, in the words of the parser that Lambda uses (AWS: API
// reference of Lambda, InvalidRequestContentException).
func checkPayload(payload []byte) error {
	if utf8.Valid(payload) && json.Valid(payload) {
		return nil
	}
	f := findFlaw(payload)
	line, column := place(payload, f.at)
	return refuse("InvalidRequestContentException", "Could not parse request body into json: Could not parse payload into json: %s\n at %s",
		f.text, source(line, column))
}

// flaw is what is wrong with a JSON text. At counts the bytes before it, as the parser does.
type flaw struct {
	at   int
	text string
}

const validValues = "(JSON String, Number, Array, Object or token 'null', 'true' or 'false')"

func source(line, column int) string {
	return fmt.Sprintf("[Source: REDACTED (`StreamReadFeature.INCLUDE_SOURCE_IN_LOCATION` disabled); line: %d, column: %d]", line, column)
}

// place is where the byte at an offset is, lines and columns counted from 1.
func place(text []byte, at int) (line, column int) {
	line, start := 1, 0
	for i := range min(at, len(text)) {
		if text[i] == '\n' || text[i] == '\r' && (i+1 == len(text) || text[i+1] != '\n') {
			line, start = line+1, i+1
		}
	}
	return line, at - start + 1
}

// described is a byte as the parser shows it.
func described(c byte) string {
	if unicode.IsControl(rune(c)) {
		return fmt.Sprintf("(CTRL-CHAR, code %d)", c)
	}
	return fmt.Sprintf("'%c' (code %d)", c, c)
}

// reader walks through a text that is not JSON until it meets the first flaw. It needs no more memory than one byte for
// each level of nesting.
type reader struct {
	text []byte
	at   int
	open []int // where the objects and arrays around the place begin
	flaw *flaw // set once
}

// findFlaw is the first flaw of a text that has one.
func findFlaw(text []byte) flaw {
	r := &reader{text: text}
	if r.blank(); r.at == len(text) {
		return flaw{r.at, "No content to map due to end-of-input"}
	}
	for r.value(); r.flaw == nil; r.value() {
		if r.close(); r.flaw != nil {
			break
		}
		switch {
		case len(r.open) > 0:
		case r.at < len(r.text):
			r.unexpected("expected the end of the JSON value")
		default: // the only thing that is not looked for here
			r.found(r.at, "Document nesting depth exceeds the maximum allowed (10000)")
		}
	}
	return *r.flaw
}

func (r *reader) found(at int, format string, args ...any) {
	if r.flaw == nil {
		r.flaw = &flaw{at, fmt.Sprintf(format, args...)}
	}
}

// unexpected is the flaw that the next byte is none of those expected, or that there is none.
func (r *reader) unexpected(expected string) {
	if r.at < len(r.text) {
		r.found(r.at, "Unexpected character (%s): %s", described(r.text[r.at]), expected)
		return
	}
	if len(r.open) == 0 {
		r.found(r.at, "Unexpected end-of-input")
		return
	}
	line, column := place(r.text, r.innermost())
	r.found(r.at, "Unexpected end-of-input: expected close marker for %s (start marker at %s)", r.kind(), source(line, column))
}

func (r *reader) innermost() int { return r.open[len(r.open)-1] }

func (r *reader) inObject() bool { return len(r.open) > 0 && r.text[r.innermost()] == '{' }

func (r *reader) kind() string {
	if r.inObject() {
		return "Object"
	}
	return "Array"
}

// next is the next byte, and 0 at the end.
func (r *reader) next() byte {
	if r.at < len(r.text) {
		return r.text[r.at]
	}
	return 0
}

func (r *reader) blank() {
	for ; r.at < len(r.text); r.at++ {
		switch r.text[r.at] {
		case ' ', '\t', '\n', '\r':
		default:
			return
		}
	}
}

// value reads one value up to its end; of an object or an array with something in it, up to the end of its first
// innermost value.
func (r *reader) value() {
	for r.flaw == nil {
		r.blank()
		c := r.next()
		switch {
		case c == '"':
			r.str("was expecting closing quote for a string value")
			return
		case c == '{', c == '[':
			if r.descend(); r.flaw == nil && r.empty() {
				return
			}
		case c == '-', '0' <= c && c <= '9':
			r.number()
			return
		default:
			r.word()
			return
		}
	}
}

// descend goes into an object or an array.
func (r *reader) descend() {
	r.open = append(r.open, r.at)
	r.at++
	if r.blank(); r.inObject() && r.next() != '}' {
		r.name()
	}
}

// empty ends an object or an array that has nothing in it.
func (r *reader) empty() bool {
	closing := byte(']')
	if r.inObject() {
		closing = '}'
	}
	if r.next() != closing || r.previous() != r.innermost() {
		return false
	}
	r.at++
	r.open = r.open[:len(r.open)-1]
	return true
}

// previous is where the last byte is that was read and is not blank.
func (r *reader) previous() int {
	for i := r.at - 1; i > 0; i-- {
		switch r.text[i] {
		case ' ', '\t', '\n', '\r':
		default:
			return i
		}
	}
	return 0
}

// name reads the name of an object's member and the colon behind it.
func (r *reader) name() {
	if r.next() != '"' || r.at == len(r.text) {
		r.unexpected("was expecting double-quote to start field name")
		return
	}
	r.str("in field name")
	if r.blank(); r.flaw == nil && r.next() != ':' {
		r.unexpected("was expecting a colon to separate field name and value")
		return
	}
	r.at++
}

// close reads what may follow a value: the ends of what it is in, and a comma.
func (r *reader) close() {
	for r.blank(); len(r.open) > 0; r.blank() {
		switch c := r.next(); {
		case c == ',':
			r.at++
			if r.blank(); r.inObject() {
				r.name()
			}
			return
		case c == '}' && r.inObject(), c == ']' && !r.inObject():
			r.at++
			r.open = r.open[:len(r.open)-1]
		case c == '}', c == ']':
			r.mismatch(c)
			return
		default:
			r.unexpected("was expecting comma to separate " + r.kind() + " entries")
			return
		}
	}
}

func (r *reader) mismatch(c byte) {
	expected := map[byte]string{'}': "]", ']': "}"}[c]
	line, column := place(r.text, r.innermost())
	r.found(r.at, "Unexpected close marker '%c': expected '%s' (for %s starting at %s)", c, expected, r.kind(), source(line, column))
}
