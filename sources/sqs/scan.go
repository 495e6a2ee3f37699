package sqs

import (
	"bytes"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
)

// scanner reads JSON. After the first error it reads nothing more.
type scanner struct {
	in     []byte
	pos    int
	failed bool
}

// next passes white space and returns the byte behind it, or 0 at the end.
func (s *scanner) next() byte {
	for ; s.pos < len(s.in); s.pos++ {
		if c := s.in[s.pos]; c > ' ' {
			return c
		}
	}
	return 0
}

// take passes c, and reports whether it is there.
func (s *scanner) take(c byte) bool {
	if s.failed || s.next() != c {
		return false
	}
	s.pos++
	return true
}

// need is take for what must be there.
func (s *scanner) need(c byte) { s.failed = !s.take(c) || s.failed }

// value passes a value and returns its text. Objects and arrays are not checked.
func (s *scanner) value() []byte {
	size := 0
	switch c := s.next(); c {
	case '"':
		size = stringSize(s.in[s.pos:])
	case '{', '[':
		size = nestedSize(s.in[s.pos:])
	default:
		if size = bytes.IndexAny(s.in[s.pos:], ",]} \n\t\r"); size < 0 {
			size = len(s.in) - s.pos
		}
	}
	if s.failed = s.failed || size == 0; s.failed {
		return nil
	}
	s.pos += size
	return s.in[s.pos-size : s.pos]
}

// stringSize returns the length of the string at the beginning of in, or 0 if it does not end.
func stringSize(in []byte) int {
	for end := 1; ; {
		i := bytes.IndexByte(in[end:], '"')
		if i < 0 {
			return 0
		}
		end += i + 1
		escapes := 0
		for in[end-2-escapes] == '\\' {
			escapes++
		}
		if escapes%2 == 0 {
			return end
		}
	}
}

// nestedSize returns the length of the object or array at the beginning of in, or 0 if it does not end.
func nestedSize(in []byte) int {
	for i, depth := 0, 0; i < len(in); i++ {
		switch in[i] {
		case '"':
			n := stringSize(in[i:])
			if n == 0 {
				return 0
			}
			i += n - 1
		case '{', '[':
			depth++
		case '}', ']':
			if depth--; depth == 0 {
				return i + 1
			}
		}
	}
	return 0
}

// members reads an object or null: show is given each member's name, with its quotes, and passes the value.
func (s *scanner) members(show func(name []byte)) {
	if s.next() != '{' {
		s.failed = s.failed || !isNull(s.value())
		return
	}
	for s.need('{'); !s.failed && s.next() != '}'; {
		if s.failed = s.next() != '"'; s.failed {
			return
		}
		name := s.value()
		s.need(':')
		if !s.failed {
			show(name)
		}
		if !s.take(',') {
			break
		}
	}
	s.need('}')
}

// elements reads an array or null: show passes an element.
func (s *scanner) elements(show func()) {
	if s.next() != '[' {
		s.failed = s.failed || !isNull(s.value())
		return
	}
	for s.need('['); !s.failed && s.next() != ']'; {
		show()
		if !s.take(',') {
			break
		}
	}
	s.need(']')
}

// isNull reports whether a member is absent or null.
func isNull(value []byte) bool { return value == nil || string(value) == "null" }

// unquote returns the content of a string, and appends it to scratch where it has escapes. ok is false if value is none.
func unquote(value, scratch []byte) (content []byte, ok bool) {
	if len(value) < 2 || value[0] != '"' {
		return nil, false
	}
	in := value[1 : len(value)-1]
	i := bytes.IndexByte(in, '\\')
	if i < 0 {
		return in, true
	}
	for ; i >= 0; i = bytes.IndexByte(in, '\\') {
		n := 0
		if scratch, n = unescape(append(scratch, in[:i]...), in[i:]); n == 0 {
			return nil, false
		}
		in = in[i+n:]
	}
	return append(scratch, in...), true
}

// unescape appends the character that an escape stands for, and returns the length of the escape: 0 if it is none.
func unescape(out, in []byte) ([]byte, int) {
	const names, bytes = `"\/bfnrt`, "\"\\/\b\f\n\r\t"
	for i := range len(names) {
		if in[1] == names[i] {
			return append(out, bytes[i]), 2
		}
	}
	r, ok := hexadecimal(in)
	if !ok {
		return out, 0
	}
	if low, ok := hexadecimal(in[6:]); ok && utf16.IsSurrogate(r) {
		if r := utf16.DecodeRune(r, low); r != utf8.RuneError {
			return utf8.AppendRune(out, r), 12
		}
	}
	return utf8.AppendRune(out, r), 6 // half a pair becomes U+FFFD
}

// hexadecimal reads an escape by number.
func hexadecimal(in []byte) (rune, bool) {
	if len(in) < 6 || in[0] != '\\' || in[1] != 'u' {
		return 0, false
	}
	n, err := strconv.ParseUint(string(in[2:6]), 16, 16)
	return rune(n), err == nil
}
