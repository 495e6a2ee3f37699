package observe

import (
	"bytes"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/esm-run/esm/trace"
)

// A failing rule is reported once a minute, a lost event always, a sent one only at DEBUG.
func TestScheduledEvents(t *testing.T) {
	now := time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)
	sent := trace.Scheduled{Rule: "arn:aws:events:us-east-1:000000000000:rule/nightly", Target: "arn:aws:sqs:us-east-1:000000000000:q", ID: "i", Due: now}
	failing, lost := sent, sent
	failing.Err, failing.Wait = errors.New("disk full"), time.Second
	lost.Err = errors.New("disk full")
	var lines, logs bytes.Buffer
	toLines := &Lines{W: &lines}
	toLogs := &Logs{Handler: slog.NewTextHandler(&logs, nil)}
	for i, e := range []trace.Scheduled{sent, failing, failing, lost, lost} {
		at := now.Add(time.Duration(i) * time.Second)
		toLines.Report(at, e)
		toLogs.Report(at, e)
	}
	want := "05:06:08 … rule nightly  disk full; trying again\n" +
		"05:06:10 ‼ rule nightly  the event of 2026-03-04T05:06:07Z to q is lost: disk full\n" +
		"05:06:11 ‼ rule nightly  the event of 2026-03-04T05:06:07Z to q is lost: disk full\n"
	if got := lines.String(); got != want {
		t.Errorf("lines:\n%swant:\n%s", got, want)
	}
	if got := logs.String(); strings.Count(got, "trying again") != 1 || strings.Count(got, `level=ERROR msg="scheduled event lost" rule=arn:aws:events:us-east-1:000000000000:rule/nightly`) != 2 {
		t.Errorf("logs:\n%s", got)
	}
}
