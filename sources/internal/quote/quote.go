// Package quote writes the strings and times of events as JSON.
package quote

import (
	"strconv"
	"time"
	"unicode/utf8"
)

// AppendString appends s as a JSON string that decodes to s byte for byte. Nothing is escaped that need not be. Bytes that
// are not UTF-8, which JSON does not let through, become U+FFFD each.
func AppendString[T string | []byte](b []byte, s T) []byte {
	return append(Append(append(b, '"'), s), '"')
}

// AppendMember appends text as it is, such as a member's name and a colon, and s as a JSON string.
func AppendMember[T string | []byte](b []byte, text string, s T) []byte {
	return AppendString(append(b, text...), s)
}

// Append appends what stands between the quotes.
func Append[T string | []byte](b []byte, s T) []byte {
	done := 0 // s[:done] is written
	for i := 0; i < len(s); {
		c := s[i]
		if c < utf8.RuneSelf && plain[c] {
			i++
			continue
		}
		if c < utf8.RuneSelf {
			b = appendEscape(append(b, s[done:i]...), c)
			i++
			done = i
			continue
		}
		r, size := utf8.DecodeRuneInString(string(s[i:min(i+utf8.UTFMax, len(s))]))
		if r == utf8.RuneError && size == 1 {
			b = append(append(b, s[done:i]...), "\ufffd"...)
			done = i + 1
		}
		i += size
	}
	return append(b, s[done:]...)
}

// plain are the ASCII characters that stand for themselves in a JSON string.
var plain = func() (set [utf8.RuneSelf]bool) {
	for c := range set {
		set[c] = c >= ' ' && c != '"' && c != '\\'
	}
	return set
}()

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

// AppendTime appends a time as seconds since 1970, with milliseconds as a fraction of one digit at the least: filters see a
// number that is no integer. The zero time is 0.0.
func AppendTime(b []byte, t time.Time) []byte {
	if t.IsZero() {
		return append(b, '0', '.', '0')
	}
	ms := t.UnixMilli()
	b = strconv.AppendInt(b, ms/1000, 10)
	fraction := ms % 1000
	b = append(b, '.', byte('0'+fraction/100), byte('0'+fraction/10%10), byte('0'+fraction%10))
	for b[len(b)-1] == '0' && b[len(b)-2] != '.' {
		b = b[:len(b)-1]
	}
	return b
}
