package lifecycle

import (
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/time/rate"

	"github.com/esm-run/esm/config"
	"github.com/esm-run/esm/trace"
)

// collect returns an Output and the lines that it has traced.
func collect() (*Output, *[]trace.Output) {
	var got []trace.Output
	return newOutput(func(e trace.Event) { got = append(got, e.(trace.Output)) }, "f", config.Logging{}), &got
}

// cut is what a Stream does, of all data at once.
func cut(data string) (lines []string) {
	for data != "" {
		var line string
		line, data, _ = strings.Cut(data, "\n")
		for ; len(line) > longestLine; line = line[longestLine:] {
			lines = append(lines, line[:longestLine])
		}
		lines = append(lines, line)
	}
	return lines
}

func FuzzStream(f *testing.F) {
	long := strings.Repeat("x", longestLine)
	for _, data := range []string{"a\nb\r\n\nc\n", "abc\n\nd", long + "\n", long + "yz\nb\n", long + long + "z\n", long} {
		f.Add(data, 1)
		f.Add(data, 2)
		f.Add(data, longestLine+1)
	}
	f.Fuzz(func(t *testing.T, data string, step int) {
		if step < 1 || len(data) > outputBurst/4 {
			return
		}
		o, lines := collect()
		o.bytes.SetLimit(rate.Inf)
		s := o.Stream()
		for rest := data; rest != ""; {
			n := min(step, len(rest))
			s.Write([]byte(rest[:n]))
			rest = rest[n:]
		}
		s.Flush()
		var got []string
		for _, l := range *lines {
			got = append(got, l.Line)
		}
		if want := cut(data); !slices.Equal(got, want) {
			t.Errorf("got %.1000q, want %.1000q", got, want)
		}
	})
}

func TestOutputIsLimited(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o, lines := collect()
		line := []byte(strings.Repeat("x", 1024-lineCost))
		for range outputBurst/1024 + 5 {
			o.line(line, false)
		}
		if got := len(*lines); got != outputBurst/1024 {
			t.Fatalf("got %d lines, want %d", got, outputBurst/1024)
		}
		*lines = nil
		time.Sleep(time.Second)
		for range outputRate/1024 + 5 {
			o.line(line, false)
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
				o.line(line, false)
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

// Output that arrives while the environment is idle belongs to the invocation that ran last: some platforms receive it late.
func TestLateOutput(t *testing.T) {
	bubble(t, func(r *rig) {
		e := r.start()
		out := r.platform.last.out
		write := func(text string) { _, _ = out.Write([]byte(text)) }
		write("of Init\n")
		r.traced(e, "a")
		write("late\n")
		time.Sleep(minute)
		write("in the background\n")
		r.traced(e, "b")
		write("half a line")
		if err := e.Drain(r.Context()); err != nil {
			t.Error(err)
		}
		write(", the rest\n")
		e.Close()
		synctest.Wait()
		var got []string
		for _, line := range r.log {
			if !strings.Contains(line, "RequestId") {
				got = append(got, line)
			}
		}
		want := []string{"[] of Init", "[a] late", "[a] in the background", "[b] half a line, the rest"}
		if !slices.Equal(got, want) {
			t.Errorf("got %q, want %q", got, want)
		}
	}, quick)
}

// In JSON logs, dropped output is an event.
func TestLossInJSON(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var got []trace.Output
		o := newOutput(func(e trace.Event) { got = append(got, e.(trace.Output)) }, "f", config.Logging{LogFormat: "JSON"})
		for range outputBurst/(64<<10) + 2 {
			o.line(make([]byte, 64<<10-lineCost), false)
		}
		o.settleLoss()
		want := `{"time":"2000-01-01T00:00:00.000Z","type":"platform.logsDropped","record":` +
			`{"reason":"more than 16 MB, or 2 MB a second","droppedRecords":2,"droppedBytes":130816}}`
		if last := got[len(got)-1]; last.Line != want || !last.Platform {
			t.Errorf("got %+v, want %s", last, want)
		}
	})
}
