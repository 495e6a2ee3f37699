package api

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/esm-run/esm/trace"
)

// watchedLog is the log of the invocation a.
type watchedLog struct {
	*Tails
	*tail
}

func newLog() watchedLog {
	tails := &Tails{}
	return watchedLog{tails, tails.watch("a")}
}

func (l watchedLog) platform(line string) {
	l.Trace(trace.Output{ID: "a", Line: line, Platform: true})
}

func (l watchedLog) writes(line string) { l.Trace(trace.Output{ID: "a", Line: line}) }

// ended returns the end of the log and the time that it was waited for.
func (l watchedLog) ended(ctx context.Context, fault string) (string, time.Duration) {
	began := time.Now()
	text := l.end(ctx, fault)
	return string(text), time.Since(began)
}

func TestTailWaitsForTheReport(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLog()
		l.platform("START RequestId: a Version: $LATEST")
		l.writes("REPORT by the handler")
		l.Trace(trace.Output{ID: "b", Line: "another's"})
		l.Trace(trace.Output{Line: "of no invocation"})
		time.AfterFunc(3*time.Millisecond, func() {
			l.platform("END RequestId: a")
			l.platform("REPORT RequestId: a\t")
		})
		got, took := l.ended(t.Context(), "")
		want := "START RequestId: a Version: $LATEST\nREPORT by the handler\nEND RequestId: a\nREPORT RequestId: a\t\n"
		if got != want || took != 3*time.Millisecond {
			t.Errorf("got %q after %v", got, took)
		}
		if again, took := l.ended(t.Context(), "Unhandled"); again != want || took != 0 {
			t.Errorf("got %q after %v", again, took)
		}
	})
}

func TestTailOfAFailure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLog()
		l.platform(`{"time":"x","type":"platform.start","record":{}}`)
		l.platform(`{"time":"x","type":"platform.report","record":{}}`)
		time.AfterFunc(time.Millisecond, func() { l.platform("Task timed out") })
		got, took := l.ended(t.Context(), "Sandbox.Timedout")
		if !strings.HasSuffix(got, "\nTask timed out\n") || took != reasonWithin {
			t.Errorf("got %q after %v", got, took)
		}
	})
}

// A log without the platform's lines, since their level is too low, has no report to wait for.
func TestTailWithoutReport(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLog()
		l.writes("a")
		time.AfterFunc(time.Millisecond, func() { l.writes("b") })
		if got, took := l.ended(t.Context(), ""); got != "a\nb\n" || took != linesWithin {
			t.Errorf("got %q after %v", got, took)
		}
	})
}

func TestTailWaitIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLog()
		if got, took := l.ended(t.Context(), ""); got != "" || took != 0 {
			t.Errorf("of a remote function: got %q after %v", got, took)
		}
		l.platform("START RequestId: a")
		if got, took := l.ended(t.Context(), ""); got != "START RequestId: a\n" || took != reportWithin {
			t.Errorf("got %q after %v", got, took)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		if _, took := l.ended(ctx, ""); took != time.Millisecond {
			t.Errorf("at the end of the context: %v", took)
		}
	})
}

func TestTailIsBounded(t *testing.T) {
	l := newLog()
	all := ""
	for i := range 1000 {
		line := strings.Repeat(string(rune('a'+i%26)), i%97)
		l.writes(line)
		all += line + "\n"
		if len(l.text) > 2*tailSize {
			t.Fatalf("%d bytes are kept", len(l.text))
		}
	}
	if got, _ := l.ended(t.Context(), ""); got != all[len(all)-tailSize:] {
		t.Errorf("got %q", got)
	}
	l.writes(strings.Repeat("x", 1<<20) + "y")
	if got, _ := l.ended(t.Context(), ""); len(got) != tailSize || !strings.HasSuffix(got, "xxy\n") {
		t.Errorf("got %d bytes, %q", len(got), got[len(got)-5:])
	}
}

func TestTailsOfOneID(t *testing.T) {
	l := newLog()
	if second := l.watch("a"); second != nil || second.end(t.Context(), "") != nil {
		t.Error("two logs of one ID are collected")
	}
	l.forget(nil)
	l.writes("x")
	l.forget(l.tail)
	l.writes("y")
	if got, _ := l.ended(t.Context(), ""); got != "x\n" {
		t.Errorf("got %q", got)
	}
	if l.watch("a") == nil {
		t.Error("the ID cannot be used again")
	}
}
