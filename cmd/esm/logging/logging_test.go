package logging

import (
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/esm-run/esm"
	"github.com/esm-run/esm/cmd/esm/observe"
	"github.com/esm-run/esm/trace"
)

func TestLogFlags(t *testing.T) {
	for _, c := range []struct {
		flags Flags
		wrong string
	}{
		{Flags{"", "info"}, ""},
		{Flags{"text", "debug"}, ""},
		{Flags{"json", "ERROR"}, ""},
		{Flags{"xml", "info"}, `--log-format "xml"`},
		{Flags{"", "loud"}, `--log-level "loud"`},
		{Flags{"", ""}, `--log-level ""`},
	} {
		_, err := New(c.flags, new(strings.Builder))
		if got := fmt.Sprint(err); (err != nil) != (c.wrong != "") || !strings.Contains(got, c.wrong) {
			t.Errorf("%+v: got %v, want %q", c.flags, err, c.wrong)
		}
	}
}

// written reports something in every way and returns what is written to both outputs, without times.
func written(t *testing.T, flags Flags, people bool) (stdout, stderr string) {
	t.Helper()
	var out, err strings.Builder
	l, wrong := New(flags, &err)
	if wrong != nil {
		t.Fatal(wrong)
	}
	l.people = people
	l.Info("one %d", 1)
	emit := l.Start(&out, describe)
	l.Warn("two")
	emit(trace.Output{Function: "f", ID: "id", Line: "hello"})
	emit(trace.Output{Function: "f", ID: "id", Line: "START", Platform: true})
	emit(trace.Scaled{Mapping: "u", Pollers: 5})
	emit(trace.Invoked{Mapping: "u", Records: make([]esm.Record, 3), Took: time.Second, Verdict: trace.Done})
	l.Info("three")
	l.Close()
	var lines []string
	for line := range strings.Lines(err.String()) {
		_, rest, _ := strings.Cut(line, " ")
		lines = append(lines, rest)
	}
	return out.String(), strings.Join(lines, "")
}

func describe(uuid string) observe.Mapping {
	return observe.Mapping{UUID: uuid, Source: "arn:aws:sqs:us-east-1:000000000000:orders", Function: "f"}
}

func TestFormats(t *testing.T) {
	const who = "mapping=u source=arn:aws:sqs:us-east-1:000000000000:orders function=f"
	for _, c := range []struct {
		name           string
		flags          Flags
		people         bool
		stdout, stderr string
	}{
		{"people", Flags{"", "info"}, true, "[f id] hello\n", "  one 1\n  warning: two\n✓ orders → f  3 records  1s\n  three\n"},
		{"people, debug", Flags{"", "debug"}, true, "[f id] hello\n[f id] START\n",
			"  one 1\n  warning: two\n↕ orders → f  5 pollers\n✓ orders → f  3 records  1s\n  three\n"},
		{"people, warn", Flags{"", "warn"}, true, "[f id] hello\n", "  warning: two\n"},
		{"text", Flags{"text", "info"}, false, "[f id] hello\n[f id] START\n", "level=INFO msg=\"one 1\"\nlevel=WARN msg=two\n" +
			"level=INFO msg=batch " + who + " requestId=\"\" records=3 outcome=Done tookMs=1000 tries=0\nlevel=INFO msg=three\n"},
		{"text, warn", Flags{"text", "warn"}, false, "[f id] hello\n[f id] START\n", "level=WARN msg=two\n"},
	} {
		stdout, stderr := written(t, c.flags, c.people)
		if stdout != c.stdout || stderr != c.stderr {
			t.Errorf("%s: got\n%s%s\nwant\n%s%s", c.name, stdout, stderr, c.stdout, c.stderr)
		}
	}
	stdout, _ := written(t, Flags{"json", "info"}, false)
	if !strings.Contains(stdout, `"function":"f","requestId":"id","line":"hello"}`) {
		t.Errorf("JSON: got %s", stdout)
	}
}

func TestNoColorWhenNotATerminal(t *testing.T) {
	file, err := os.CreateTemp(t.TempDir(), "")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if v, err := New(Flags{Level: "info"}, file); err != nil || v.people || v.color {
		t.Errorf("got %+v, %v, want structured lines", v, err)
	}
}

// halves keeps what is written, in two halves with time in between for other writers.
type halves struct{ strings.Builder }

func (h *halves) Write(p []byte) (int, error) {
	h.Builder.Write(p[:len(p)/2])
	return h.Builder.Write(p[len(p)/2:])
}

func TestLinesDoNotMix(t *testing.T) {
	var out halves
	l, err := New(Flags{Level: "info"}, &out)
	if err != nil {
		t.Fatal(err)
	}
	l.people = true
	emit := l.Start(io.Discard, describe)
	var reporting sync.WaitGroup
	for range 4 {
		reporting.Go(func() {
			for range 50 {
				l.Info("hello")
				l.Structured.Warn("hello")
				emit(trace.Invoked{Mapping: "u", Verdict: trace.Done})
			}
		})
	}
	reporting.Wait()
	l.Close()
	lines := strings.SplitAfter(out.String(), "\n")
	for _, line := range lines[:len(lines)-1] {
		if strings.Count(line, "hello")+strings.Count(line, "orders → f") != 1 {
			t.Fatalf("got %q, want one entry per line", line)
		}
	}
	if len(lines) != 4*50*3+1 {
		t.Errorf("got %d lines", len(lines)-1)
	}
}
