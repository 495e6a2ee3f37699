package observe

import (
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/esm-run/esm"
	"github.com/esm-run/esm/trace"
)

// eventStory is what may happen to asynchronous events.
func eventStory() []trace.Event {
	return []trace.Event{
		trace.EventAccepted{Function: "f:live", ID: "a", Bytes: 7},
		trace.EventTried{Function: "f:live", ID: "a", Verdict: trace.NotRun, Reason: trace.ReasonThrottled, Age: time.Second},
		trace.EventTried{Function: "f:live", ID: "a", Verdict: trace.Failed, Reason: "FunctionError", Detail: "no\nstock", Tries: 1, Age: 2 * time.Second, Took: 12 * time.Millisecond},
		trace.EventWaiting{Function: "f:live", ID: "a", Why: "FunctionError", Until: time.Date(2026, 9, 14, 15, 0, 0, 0, time.UTC)},
		trace.EventTried{Function: "f:live", ID: "a", Verdict: trace.Done, Tries: 2, Age: time.Minute, Took: time.Second},
		trace.EventEnded{Function: "f:live", ID: "a", Condition: esm.Success, Tries: 2, Owed: 1},
		trace.EventNotified{Function: "f", ID: "a", Condition: esm.Success, Destination: "arn:q"},
		trace.EventEnded{Function: "f", ID: "b", Condition: esm.RetriesExhausted, Tries: 1, Age: time.Second, Error: "no stock"},
		trace.EventNotified{Function: "f", ID: "b", Condition: esm.RetriesExhausted, Destination: "arn:q", Err: errors.New("access denied")},
		trace.EventsRemoved{Function: "f", Count: 3},
		trace.EventsFailing{Function: "f", Err: errors.New("disk full"), Wait: time.Second},
	}
}

func TestLinesOfEvents(t *testing.T) {
	check(t, lines(t, new(Lines), eventStory()...), `
00:00:02 ✗ event → f:live  12ms  try 1  FunctionError: no stock
00:00:04 ✓ event → f:live  1s
00:00:07 ⊘ event → f  given up after 1 try (RetriesExhausted): no stock
00:00:08 ⚑ event → f  RetriesExhausted not accepted by arn:q, kept as undelivered: access denied
00:00:09 ● event → f  3 dropped on request
00:00:10 … event → f  disk full; trying again
`)
	check(t, lines(t, &Lines{Level: slog.LevelDebug}, eventStory()[1], eventStory()[6]), `
00:00:00 … event → f:live  not run: Throttled
00:00:01 ⚑ event → f  Success sent to arn:q
`)
}

func TestLineOfANoticeWithoutADestination(t *testing.T) {
	check(t, lines(t, new(Lines), trace.EventNotified{Function: "f", Condition: esm.RetriesExhausted, Err: errors.New("there is none")}), `
00:00:00 ⚑ event → f  RetriesExhausted kept as undelivered: there is none
`)
}

func TestLogsOfEvents(t *testing.T) {
	var got string
	for _, e := range eventStory() {
		got += logOf(t, slog.LevelDebug, e)
	}
	check(t, got, `
{"level":"DEBUG","msg":"event accepted","function":"f:live","requestId":"a","bytes":7}
{"level":"DEBUG","msg":"event","function":"f:live","requestId":"a","outcome":"NotRun","tookMs":0,"ageMs":1000,"tries":0,"reason":"Throttled","detail":""}
{"level":"WARN","msg":"event","function":"f:live","requestId":"a","outcome":"Failed","tookMs":12,"ageMs":2000,"tries":1,"reason":"FunctionError","detail":"no\nstock"}
{"level":"DEBUG","msg":"event waits","function":"f:live","requestId":"a","reason":"FunctionError","until":"2026-09-14T15:00:00Z"}
{"level":"INFO","msg":"event","function":"f:live","requestId":"a","outcome":"Done","tookMs":1000,"ageMs":60000,"tries":2}
{"level":"DEBUG","msg":"event ended","function":"f:live","requestId":"a","condition":"Success","owed":1}
{"level":"DEBUG","msg":"notice sent","function":"f","requestId":"a","condition":"Success","destination":"arn:q"}
{"level":"WARN","msg":"event given up","function":"f","requestId":"b","condition":"RetriesExhausted","tries":1,"ageMs":1000,"error":"no stock","owed":0}
{"level":"WARN","msg":"notice not accepted, kept as undelivered","function":"f","requestId":"b","condition":"RetriesExhausted","destination":"arn:q","error":"access denied"}
{"level":"INFO","msg":"events dropped on request","function":"f","events":3}
{"level":"WARN","msg":"events: trying again","function":"f","error":"disk full","waitMs":1000}
`)
}

// While the store fails, many tries report the same trouble.
func TestAStoreThatFailsIsReportedOnceAMinute(t *testing.T) {
	full := trace.EventsFailing{Function: "f", Err: errors.New("disk full"), Wait: time.Second}
	other := trace.EventsFailing{Err: errors.New("disk full"), Wait: time.Second}
	check(t, lines(t, new(Lines), full, full, other, full), `
00:00:00 … event → f  disk full; trying again
00:00:02 … events  disk full; trying again
`)
	var out strings.Builder
	l := &Logs{Handler: slog.NewTextHandler(&out, nil), Mappings: described(nil)}
	for i := range 300 {
		at := time.Unix(0, 0).Add(time.Duration(i) * time.Second / 2)
		l.Report(at, trace.EventsFailing{Function: "f", Err: fmt.Errorf("finish event %d: disk full", i)})
	}
	if n := strings.Count(out.String(), "disk full"); n > 3*maxTexts {
		t.Errorf("%d lines in two and a half minutes, want at most %d", n, 3*maxTexts)
	}
}

// logOf returns the line that is logged about an event.
func logOf(t *testing.T, level slog.Level, e trace.Event) string {
	t.Helper()
	var out strings.Builder
	l := &Logs{Handler: slog.NewJSONHandler(&out, &slog.HandlerOptions{Level: level, ReplaceAttr: withoutTime}), Mappings: described(nil)}
	report(l, e)
	return out.String()
}
