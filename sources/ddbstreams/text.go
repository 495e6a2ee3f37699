package ddbstreams

import "unicode/utf8"

// appendString appends s as a JSON string that decodes to s. Nothing is escaped that need not be. Bytes that are not UTF-8
// become U+FFFD each.
func appendString(b []byte, s string) []byte {
	b = append(b, '"')
	done := 0 // s[:done] is written
	for i := 0; i < len(s); {
		c := s[i]
		if c < utf8.RuneSelf {
			if i++; c < ' ' || c == '"' || c == '\\' {
				b = appendEscape(append(b, s[done:i-1]...), c)
				done = i
			}
			continue
		}
		r, size := utf8.DecodeRuneInString(s[i:])
		if r == utf8.RuneError && size == 1 {
			b = append(append(b, s[done:i]...), "\ufffd"...)
			done = i + 1
		}
		i += size
	}
	return append(append(b, s[done:]...), '"')
}

func appendEscape(b []byte, c byte) []byte {
	switch c {
	case '"', '\\':
		return append(b, '\\', c)
	case '\n':
		return append(b, '\\', 'n')
	case '\r':
		return append(b, '\\', 'r')
	case '\t':
		return append(b, '\\', 't')
	}
	const digits = "0123456789abcdef"
	return append(b, '\\', 'u', '0', '0', digits[c>>4], digits[c&15])
}
