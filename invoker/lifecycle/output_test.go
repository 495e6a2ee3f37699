package lifecycle

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/esm-run/esm/trace"
)

// collect returns an Output and the lines that it has traced.
func collect() (*Output, *[]trace.Output) {
	var got []trace.Output
	return newOutput(func(e trace.Event) { got = append(got, e.(trace.Output)) }, "f"), &got
}

func TestStream(t *testing.T) {
	long := strings.Repeat("x", longestLine)
	for _, tt := range []struct {
		name   string
		chunks []string
		want   []string
	}{
		{"lines", []string{"a\nb\r\n\nc\n"}, []string{"a", "b\r", "", "c"}},
		{"in pieces", []string{"a", "b", "c\nd", "\n"}, []string{"abc", "d"}},
		{"without an end", []string{"a\nb"}, []string{"a"}},
		{"as long as can be", []string{long, "\n"}, []string{long}},
		{"too long", []string{long + "y", "z\n", "b\n"}, []string{long, "yz", "b"}},
		{"much too long", []string{long + long + "z", "\n"}, []string{long, long, "z"}},
	} {
		o, lines := collect()
		s := o.Stream()
		for _, c := range tt.chunks {
			s.Write([]byte(c))
		}
		got := *lines
		if len(got) != len(tt.want) {
			t.Errorf("%s: got %d lines, want %d", tt.name, len(got), len(tt.want))
			continue
		}
		for i, o := range got {
			if o.Line != tt.want[i] {
				t.Errorf("%s: line %d has %d bytes, want %d", tt.name, i, len(o.Line), len(tt.want[i]))
			}
		}
	}
}

func FuzzStream(f *testing.F) {
	f.Add([]byte("a\nb\n"), 1)
	f.Add([]byte("abc\n\nd"), 2)
	f.Fuzz(func(t *testing.T, data []byte, step int) {
		if step < 1 || len(data) > outputBurst/4 {
			return
		}
		o, lines := collect()
		o.left = outputBurst * 1000
		s := o.Stream()
		for rest := data; len(rest) > 0; {
			n := min(step, len(rest))
			s.Write(rest[:n])
			rest = rest[n:]
		}
		want := string(data)
		var got strings.Builder
		for _, o := range *lines {
			if len(o.Line) > longestLine {
				t.Fatalf("a line has %d bytes", len(o.Line))
			}
			got.WriteString(o.Line)
			got.WriteByte('\n')
		}
		got.Write(s.rest)
		if longest(data) < longestLine && got.String() != want {
			t.Errorf("got %q, want %q", got.String(), want)
		}
		if strings.ReplaceAll(got.String(), "\n", "") != strings.ReplaceAll(want, "\n", "") {
			t.Error("something is lost")
		}
	})
}

func longest(data []byte) (n int) {
	for _, line := range strings.Split(string(data), "\n") {
		n = max(n, len(line))
	}
	return n
}

func TestOutputIsLimited(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o, lines := collect()
		line := []byte(strings.Repeat("x", 1024-lineCost))
		for range outputBurst/1024 + 5 {
			o.line(line)
		}
		if got := len(*lines); got != outputBurst/1024 {
			t.Fatalf("got %d lines, want %d", got, outputBurst/1024)
		}
		*lines = nil
		time.Sleep(time.Second)
		for range outputRate/1024 + 5 {
			o.line(line)
		}
		if got, want := len(*lines), outputRate/1024+1; got != want {
			t.Fatalf("after a second: got %d lines, want %d and one about the loss", got, want)
		}
		if got, want := (*lines)[0], "5 lines of output (4480 bytes) were dropped: more than 16 MB, or 2 MB a second"; got.Line != want || !got.Platform {
			t.Errorf("got %+v, want %q", got, want)
		}
		o.settleLoss()
		o.settleLoss()
		if got := len(*lines); got != outputRate/1024+2 {
			t.Errorf("the last loss is reported %d times", got-outputRate/1024-1)
		}
	})
}

func TestLossIsReportedOnceASecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o, lines := collect()
		line := make([]byte, 1024)
		for end := time.Now().Add(12 * time.Second); time.Now().Before(end); time.Sleep(time.Millisecond) {
			for range 5 {
				o.line(line)
			}
		}
		got := 0
		for _, l := range *lines {
			if l.Platform {
				got++
			}
		}
		if got < 5 || got > 12 {
			t.Errorf("losses are reported %d times", got)
		}
	})
}
