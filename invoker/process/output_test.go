package process

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/esm-run/esm"
	"github.com/esm-run/esm/config"
)

func TestLinesOfAnInvocation(t *testing.T) {
	s, l := newStarter(t)
	fn := handler("raw", nil)
	fn.MemorySize = 256
	e := start(t, s, fn)
	for range 2 {
		invoke(t, e, order{Raw: "say and answer"})
	}
	const requestID = "RequestId: " + testID
	first := []string{
		"START " + requestID + ` Version: \$LATEST`,
		"before|after", "before|after", // the order of the two streams is not kept
		"END " + requestID,
		"REPORT " + requestID + `\tDuration: \d+\.\d\d ms\tBilled Duration: \d+ ms\tMemory Size: 256 MB\tMax Memory Used: [1-9]\d* MB\tInit Duration: \d+\.\d\d ms\t`,
	}
	second := append([]string{}, first...)
	second[4] = strings.TrimSuffix(second[4], `Init Duration: \d+\.\d\d ms\t`)
	want := append(first, second...)
	got := l.all()
	if len(got) != len(want) {
		t.Fatalf("got %d lines, want %d:\n%s", len(got), len(want), l.text())
	}
	for i, o := range got {
		if !regexp.MustCompile("^(" + want[i] + ")$").MatchString(o.Line) {
			t.Errorf("line %d: got %q, want %s", i, o.Line, want[i])
		}
		if platform := !strings.HasPrefix(want[i], "before"); o.Platform != platform || o.ID != testID || o.Function != "f" || o.Time.IsZero() {
			t.Errorf("line %d: got %+v", i, o)
		}
	}
}

// A line without its end belongs to the invocation that wrote it, and not to the one after.
func TestHalfALine(t *testing.T) {
	s, l := newStarter(t)
	e := start(t, s, handler("raw", nil))
	for _, id := range []string{"one", "two"} {
		resp, err := e.Invoke(t.Context(), esm.Call{ID: id, Function: "f", Payload: []byte(`{"Raw":"half a line"}`)})
		if err != nil || resp.Fault != "" {
			t.Fatalf("got %+v, %v", resp, err)
		}
		if err := e.Drain(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	var got []string
	for _, o := range l.all() {
		if !o.Platform {
			got = append(got, o.ID+": "+o.Line)
		}
	}
	if want := []string{"one: half a line", "two: half a line"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestLinesInJSON(t *testing.T) {
	s, l := newStarter(t)
	fn := handler("aws", nil)
	fn.LoggingConfig.LogFormat = "JSON"
	e := start(t, s, fn)
	r := describedBy(t, invoke(t, e, order{}))
	if r.Env["AWS_LAMBDA_LOG_FORMAT"] != "JSON" {
		t.Errorf("got AWS_LAMBDA_LOG_FORMAT %q", r.Env["AWS_LAMBDA_LOG_FORMAT"])
	}
	invoke(t, e, order{Die: "3"})
	const at = `\{"time":"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z","type":"platform\.`
	begun := at + `start","record":\{"requestId":"` + testID + `","version":"\$LATEST"\}\}`
	want := []string{
		begun,
		at + `report","record":\{"requestId":"` + testID + `","status":"success","metrics":\{"durationMs":[\d.]+,"billedDurationMs":\d+,"memorySizeMB":128,"maxMemoryUsedMB":\d+,"initDurationMs":[\d.]+\}\}\}`,
		begun,
		at + `runtimeDone","record":\{"requestId":"` + testID + `","status":"error","errorType":"Runtime.ExitError","metrics":\{"durationMs":[\d.]+\}\}\}`,
		at + `report","record":\{"requestId":"` + testID + `","status":"error","errorType":"Runtime.ExitError","metrics":\{.*\}\}\}`,
	}
	e.Close()
	got := l.all()
	if len(got) != len(want) {
		t.Fatalf("got %d lines, want %d:\n%s", len(got), len(want), l.text())
	}
	for i, o := range got {
		if !regexp.MustCompile("^" + want[i] + "$").MatchString(o.Line) {
			t.Errorf("line %d: got %q, want %s", i, o.Line, want[i])
		}
	}
}

// A handler that writes a hundred megabytes is neither held up nor remembered.
func TestFloodOfOutput(t *testing.T) {
	s, l := newStarter(t)
	e := start(t, s, handler("aws", nil))
	const lines = 100_000
	if resp := invoke(t, e, order{Print: lines}); resp.Fault != "" {
		t.Fatalf("got fault %s: %s", resp.Fault, resp.Payload)
	}
	e.Close()
	told, bytes := 0, 0
	for _, o := range l.all() {
		if !o.Platform {
			told++
			bytes += len(o.Line)
		}
	}
	if told == 0 || lineCost*told+bytes > outputBurst+20*outputRate {
		t.Errorf("got %d lines of %d bytes told", told, bytes)
	}
	var dropped int
	for _, o := range l.all() {
		var n, size int
		if _, err := fmt.Sscanf(o.Line, "%d lines of output (%d bytes) were dropped", &n, &size); err == nil {
			dropped += n
		}
	}
	if told+dropped != lines {
		t.Errorf("got %d lines told and %d dropped, want %d in all", told, dropped, lines)
	}
}

func TestSplit(t *testing.T) {
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
		l := &log{}
		p := &pipe{journal: newJournal(l.trace, "f")}
		for _, c := range tt.chunks {
			p.split([]byte(c))
		}
		got := l.all()
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

func FuzzSplit(f *testing.F) {
	f.Add([]byte("a\nb\n"), 1)
	f.Add([]byte("abc\n\nd"), 2)
	f.Fuzz(func(t *testing.T, data []byte, step int) {
		if step < 1 || len(data) > outputBurst/4 {
			return
		}
		l := &log{}
		p := &pipe{journal: newJournal(l.trace, "f")}
		p.journal.left = outputBurst * 1000
		var want strings.Builder
		for rest := data; len(rest) > 0; {
			n := min(step, len(rest))
			p.split(rest[:n])
			rest = rest[n:]
		}
		want.Write(data)
		var got strings.Builder
		for _, o := range l.all() {
			if len(o.Line) > longestLine {
				t.Fatalf("a line has %d bytes", len(o.Line))
			}
			got.WriteString(o.Line)
			got.WriteByte('\n')
		}
		got.Write(p.rest)
		if longest(data) < longestLine && got.String() != want.String() {
			t.Errorf("got %q, want %q", got.String(), want.String())
		}
		if strings.ReplaceAll(got.String(), "\n", "") != strings.ReplaceAll(want.String(), "\n", "") {
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

func TestAllowance(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &log{}
		j := newJournal(l.trace, "f")
		line := []byte(strings.Repeat("x", 1024-lineCost))
		for range outputBurst/1024 + 5 {
			j.line(line)
		}
		if got := len(l.all()); got != outputBurst/1024 {
			t.Fatalf("got %d lines, want %d", got, outputBurst/1024)
		}
		l.lines = nil
		time.Sleep(time.Second)
		for range outputRate/1024 + 5 {
			j.line(line)
		}
		if got, want := len(l.all()), outputRate/1024+1; got != want {
			t.Fatalf("after a second: got %d lines, want %d and one about the loss", got, want)
		}
		if got, want := l.all()[0], "5 lines of output (4480 bytes) were dropped: more than 16 MB, or 2 MB a second"; got.Line != want || !got.Platform {
			t.Errorf("got %+v, want %q", got, want)
		}
		j.settleLoss()
		j.settleLoss()
		if got := len(l.all()); got != outputRate/1024+2 {
			t.Errorf("the last loss is told %d times", got-outputRate/1024-1)
		}
	})
}

// A runtime that goes on and on would otherwise have a line about a loss after each few of its own.
func TestLossesAreToldOnceASecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &log{}
		j := newJournal(l.trace, "f")
		line := make([]byte, 1024)
		for end := time.Now().Add(12 * time.Second); time.Now().Before(end); time.Sleep(time.Millisecond) {
			for range 5 {
				j.line(line)
			}
		}
		got := 0
		for _, o := range l.all() {
			if o.Platform {
				got++
			}
		}
		if got < 5 || got > 12 {
			t.Errorf("losses are told %d times", got)
		}
	})
}

func TestReportLine(t *testing.T) {
	r := newReporter(newJournal(nil, "f"), config.Function{})
	p := report{id: "i", took: 250060 * time.Microsecond, init: 100770 * time.Microsecond, memory: 36, status: "success"}
	want := "REPORT RequestId: i\tDuration: 250.06 ms\tBilled Duration: 351 ms\tMemory Size: 128 MB\tMax Memory Used: 36 MB\tInit Duration: 100.77 ms\t"
	if got := r.line(p); got != want {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}
