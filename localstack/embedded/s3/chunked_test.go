package s3

import (
	"errors"
	"fmt"
	"strings"
	"testing"
)

func TestUnchunk(t *testing.T) {
	for _, test := range []struct {
		name, in, want, trailer string
		err                     error
	}{
		{"one chunk", "4\r\nbody\r\n0\r\n\r\n", "body", "", nil},
		{"several", "2\r\nbo\r\n2\r\ndy\r\n0\r\n\r\n", "body", "", nil},
		{"signed", "4;chunk-signature=ab\r\nbody\r\n0;chunk-signature=cd\r\nx-amz-checksum-crc32:AA==\r\nx-amz-trailer-signature:ef\r\n\r\n", "body", "AA==", nil},
		{"trailer", "4\r\nbody\r\n0\r\nX-Amz-Checksum-Crc32: AA== \r\n\r\n", "body", "AA==", nil},
		{"hexadecimal", "00C\r\ntwelve bytes\r\n0\r\n\r\n", "twelve bytes", "", nil},
		{"line ends in it", "2\r\n\r\n\r\n0\r\n\r\n", "\r\n", "", nil},
		{"empty", "0\r\n\r\n", "", "", nil},
		{"nothing", "", "", "", errCut},
		{"no last chunk", "4\r\nbody\r\n", "", "", errCut},
		{"no last line", "4\r\nbody\r\n0\r\n", "", "", errCut},
		{"cut", "5\r\nbody", "", "", errCut},
		{"longer than it says", "3\r\nbody\r\n0\r\n\r\n", "", "", errChunk},
		{"shorter than it says", "5\r\nbody\r\n0\r\n\r\n", "", "", errChunk},
		{"plain", "a plain body\r\n", "", "", errChunk},
		{"negative", "-1\r\n", "", "", errChunk},
		{"line feeds", "4\nbody\n0\n\n", "", "", errChunk},
		{"no trailer", "0\r\nabc\r\n\r\n", "", "", errChunk},
		{"long line", strings.Repeat("0", 5000) + "\r\n", "", "", errChunk},
		{"huge", "7fffffffffffffff\r\nx", "", "", errCut},
		{"too many digits", "ffffffffffffffffffff\r\nx", "", "", errChunk},
	} {
		body, trailer, err := unchunk(strings.NewReader(test.in))
		if !errors.Is(err, test.err) {
			t.Errorf("%s: got %v, want %v", test.name, err, test.err)
		}
		if got := trailer.Get("x-amz-checksum-crc32"); err == nil && (string(body) != test.want || got != test.trailer) {
			t.Errorf("%s: got %q and %q, want %q and %q", test.name, body, got, test.want, test.trailer)
		}
	}
}

// FuzzUnchunk decodes anything: the result is never longer than the input. A body that is encoded in chunks is decoded again.
func FuzzUnchunk(f *testing.F) {
	f.Add("4\r\nbody\r\n0\r\n\r\n", 3)
	f.Add("4;chunk-signature=ab\r\nbody\r\n0\r\na:b\r\n\r\n", 1)
	f.Fuzz(func(t *testing.T, text string, size int) {
		if body, _, err := unchunk(strings.NewReader(text)); err == nil && len(body) > len(text) {
			t.Errorf("got %d bytes of %d", len(body), len(text))
		}
		var in strings.Builder
		for rest := text; rest != ""; {
			n := min(max(size, 1), len(rest))
			fmt.Fprintf(&in, "%x\r\n%s\r\n", n, rest[:n])
			rest = rest[n:]
		}
		in.WriteString("0\r\na:b\r\n\r\n")
		body, trailer, err := unchunk(strings.NewReader(in.String()))
		if string(body) != text || trailer.Get("a") != "b" || err != nil {
			t.Errorf("got %q, %v, %v of %q", body, trailer, err, text)
		}
	})
}
