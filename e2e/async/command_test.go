package async_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/esm-run/esm/e2e/rig"
)

// `esm events` and `esm status` show what waits in a running engine, and why; events are tried at once or dropped.
func TestEventsCommands(t *testing.T) {
	t.Parallel()
	e := rig.New(t)
	q := e.Queue("end", nil)
	f, g := e.Function("f", rig.Fail), e.Function("g", rig.Fail)
	f.Keys = append(f.Keys, rig.EventInvokeConfig("", q.ARN), rig.DeadLetters(q.ARN))
	engine := e.Run(asOnAWS, f, g)
	first, second, other := engine.Send("f", `{"n": 1}`), engine.Send("f", `"<2>"`), engine.Send("g", "[3]")
	rig.Eventually(t, "all events have failed once", func() bool {
		events := listEvents(t, engine, "--payload")
		if len(events) < 3 || events[0].Tries+events[1].Tries+events[2].Tries < 3 {
			return false
		}
		for i, want := range []waiting{
			{RequestID: first, FunctionName: "f", Payload: []byte(`{"n":1}`), Size: 8},
			{RequestID: second, FunctionName: "f", Payload: []byte(`"<2>"`), Size: 5},
			{RequestID: other, FunctionName: "g", Payload: []byte("[3]"), Size: 3},
		} {
			got := events[i]
			if delay := got.Due.Sub(got.Accepted); delay < 57*time.Second || delay > 66*time.Second+rig.Slack {
				t.Errorf("event %d is due after %v", i, delay)
			}
			if got.LastError != "out of order" {
				t.Errorf("event %d waits because of %q", i, got.LastError)
			}
			got.Due, got.Accepted, got.LastError, got.Tries = want.Due, want.Accepted, want.LastError, want.Tries
			if fmt.Sprint(got) != fmt.Sprint(want) {
				t.Errorf("event %d is %+v, want %+v", i, got, want)
			}
		}
		return true
	})
	table, _, _ := rig.Run(t, "events", "list", "--function", "f", "--listen", engine.Listen)
	for _, want := range []string{"REQUEST ID", first, second, "out of order"} {
		if !strings.Contains(table, want) {
			t.Errorf("esm events list does not print %q:\n%s", want, table)
		}
	}
	wantStatus(t, engine, "f", status{Waiting: 2, Received: 2})
	wantStatus(t, engine, "g", status{Waiting: 1, Received: 1})

	changeEvents(t, engine, "1 dropped", "drop", first)
	f.Handle(rig.Succeed)
	changeEvents(t, engine, "1 retried", "retry", "--function", "f")
	rig.Eventually(t, "the event has ended", func() bool { return engine.Metric("esm_async_events_succeeded_total") == 1 })
	wantStatus(t, engine, "f", status{Received: 2, Succeeded: 1, Dropped: 1})
	if calls := f.Calls(); len(calls) != 1 || calls[0].RequestID != second {
		t.Errorf("tried again: %+v", calls)
	}
	for _, args := range [][]string{{"retry", first}, {"drop", second}} { // both have ended
		args = append(args, "--listen", engine.Listen)
		if out, stderr, code := rig.Run(t, append([]string{"events"}, args...)...); code != 1 || !strings.Contains(stderr, "no event that waits") {
			t.Errorf("esm events %q: exit code %d\n%s%s", args, code, out, stderr)
		}
	}
	if _, stderr, code := rig.Run(t, "events", "drop", "--listen", engine.Listen); code != 2 || !strings.Contains(stderr, "--all") {
		t.Errorf("esm events drop without a selection: exit code %d\n%s", code, stderr)
	}
	changeEvents(t, engine, "1 dropped", "drop", "--all")
	if left := listEvents(t, engine); len(left) > 0 {
		t.Errorf("%+v wait", left)
	}
	engine.Stop()
	if n := q.Count(); n > 0 {
		t.Errorf("%d notices about events that were dropped or succeeded", n)
	}
}

// status is a function's part of the status: its asynchronous events.
type status struct {
	Waiting, InFlight            int
	Received, Succeeded, Dropped int
}

func wantStatus(t *testing.T, engine *rig.Engine, function string, want status) {
	t.Helper()
	out, stderr, code := rig.Run(t, "status", "--json", "--listen", engine.Listen)
	var all struct {
		Functions []struct {
			Name        string
			AsyncEvents status
		}
	}
	if err := json.Unmarshal([]byte(out), &all); err != nil || code != 0 {
		t.Fatalf("esm status: exit code %d, %v\n%s%s", code, err, out, stderr)
	}
	for _, f := range all.Functions {
		if f.Name == function && f.AsyncEvents != want {
			t.Errorf("the status of %s's events is %+v, want %+v", function, f.AsyncEvents, want)
		}
	}
	table, _, _ := rig.Run(t, "status", "--listen", engine.Listen)
	if !strings.Contains(table, "ASYNC EVENTS OF") {
		t.Errorf("esm status prints nothing of events:\n%s", table)
	}
}
