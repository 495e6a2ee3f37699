package quote

import (
	"encoding/json"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

func TestStrings(t *testing.T) {
	every := make([]rune, 0, 0x3000)
	for r := range rune(0x3000) {
		every = append(every, r)
	}
	for _, s := range []string{"", string(every), "<a href=\"x\">&amp;</a>", "\u2028\u2029\ufeff\ufffd\U0010ffff", "a\x00b\x7f\\\"", strings.Repeat("\n", 9)} {
		text := AppendString(nil, s)
		var got string
		if err := json.Unmarshal(text, &got); err != nil || got != s {
			t.Errorf("%q became %s: %v", s, text, err)
		}
	}
	if got := string(AppendString(nil, "<é>\u2028")); got != "\"<é>\u2028\"" {
		t.Errorf("%s: escaped without need", got)
	}
	if got, want := string(AppendString(nil, "a\xffb\xe2\x82")), "\"a\ufffdb\ufffd\ufffd\""; got != want {
		t.Errorf("bytes that are not UTF-8 became %q, want %q", got, want)
	}
}

func FuzzString(f *testing.F) {
	for _, s := range []string{"", "a", "\x00\"\\\n\r\t\x1f", "é\u2028😀", "\xff\xc0\x80\xed\xa0\x80"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		text := AppendString(nil, s)
		var got string
		if err := json.Unmarshal(text, &got); err != nil {
			t.Fatalf("%q became %q: %v", s, text, err)
		}
		if want := string([]rune(s)); got != want { // the conversion makes U+FFFD of each stray byte
			t.Errorf("%q decodes to %q, want %q", text, got, want)
		}
		if !utf8.Valid(text) {
			t.Errorf("%q is not UTF-8", text)
		}
	})
}

func TestTimes(t *testing.T) {
	for ms, want := range map[int64]string{
		1772600765118: "1772600765.118", 1772600765000: "1772600765.0", 1772600765100: "1772600765.1",
		1772600765010: "1772600765.01", 1772600765001: "1772600765.001", 0: "0.0",
	} {
		if got := string(AppendTime(nil, time.UnixMilli(ms))); got != want {
			t.Errorf("%d ms: got %s, want %s", ms, got, want)
		}
	}
	if got := string(AppendTime(nil, time.Time{})); got != "0.0" {
		t.Errorf("no time: %s", got)
	}
}
