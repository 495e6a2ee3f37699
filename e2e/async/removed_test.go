package async_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/esm-run/esm/e2e/rig"
)

// waiting is what `esm events list --json` prints of an event.
type waiting struct {
	RequestID, FunctionName string
	Accepted, Due           time.Time
	Tries                   int
	LastError               string
	Size                    int
	Payload                 json.RawMessage
}

// listEvents returns the events that wait.
func listEvents(t *testing.T, engine *rig.Engine, args ...string) (events []waiting) {
	t.Helper()
	out, stderr, code := rig.Run(t, append([]string{"events", "list", "--json", "--listen", engine.Listen}, args...)...)
	if code != 0 {
		t.Fatalf("esm events list: exit code %d\n%s%s", code, out, stderr)
	}
	for line := range strings.Lines(out) {
		var e waiting
		if err := json.Unmarshal([]byte(line), &e); err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		events = append(events, e)
	}
	return events
}

// waitTries waits until the one event waits after so many tries.
func waitTries(t *testing.T, engine *rig.Engine, id string, tries int) (e waiting) {
	t.Helper()
	rig.Eventually(t, "the event waits after its tries", func() bool {
		events := listEvents(t, engine)
		if len(events) == 1 {
			e = events[0]
		}
		return e.RequestID == id && e.Tries == tries
	})
	return e
}

// changeEvents runs `esm events retry` or drop, and checks what it prints.
func changeEvents(t *testing.T, engine *rig.Engine, want string, args ...string) {
	t.Helper()
	out, stderr, code := rig.Run(t, append(append([]string{"events"}, args...), "--listen", engine.Listen)...)
	if code != 0 || out != want+"\n" {
		t.Errorf("esm events %q: exit code %d\n%s%s", args, code, out, stderr)
	}
}

// asOnAWS is the default TimeScale: an event that has failed waits for a minute or more, unless somebody hastens it.
const asOnAWS = rig.EngineKeys("TimeScale: 1")

// A function is removed from the file while its event waits, which is a failed try, and put back: it runs the event under
// its request ID.
func TestFunctionIsPutBack(t *testing.T) {
	t.Parallel()
	e := rig.New(t)
	q := e.Queue("end", nil)
	f, other := e.Function("f", rig.Fail), e.Function("other", rig.Succeed)
	f.Keys = append(f.Keys, rig.EventInvokeConfig(q.ARN, ""))
	engine := e.Run(asOnAWS, f)
	id := engine.Send("f", `{"n": 1}`)
	waitTries(t, engine, id, 1)
	engine.Stop()

	engine = e.Run(asOnAWS, other)
	changeEvents(t, engine, "1 retried", "retry", id)
	if got := waitTries(t, engine, id, 2); got.LastError != "Function not found: "+f.ARN()+":$LATEST" {
		t.Errorf("the event waits because of %s", got.LastError)
	}
	status, body, _, err := engine.TrySend("f", "{}", "")
	if e.Must(err); status != 404 {
		t.Errorf("an event for a removed function is answered with %d %s", status, body)
	}
	engine.Kill()

	f.Handle(rig.Succeed)
	engine = e.Run(asOnAWS, f, other)
	changeEvents(t, engine, "1 retried", "retry", "--function", "f")
	checkRecord(t, e, q.TakeRecord(), head+`"condition":"Success","approximateInvokeCount":1},"requestPayload":{"n": 1},`+
		`"responseContext":{"statusCode":200,"executedVersion":"$LATEST"},"responsePayload":null}`, id)
	if calls := f.Calls(); len(calls) != 1 || calls[0].RequestID != id || string(calls[0].Event) != `{"n": 1}` {
		t.Errorf("the function that was put back got %+v", calls)
	}
}

// The events of a function that is not put back are kept as undelivered: nobody knows any more where they were to end.
func TestFunctionIsGone(t *testing.T) {
	t.Parallel()
	e := rig.New(t)
	q := e.Queue("end", nil)
	f, other := e.Function("f", rig.Fail), e.Function("other", rig.Succeed)
	f.Keys = append(f.Keys, rig.EventInvokeConfig("", q.ARN, "MaximumRetryAttempts: 1"))
	engine := e.Run(asOnAWS, f)
	id := engine.Send("f", `{"n": 1}`)
	waitTries(t, engine, id, 1)
	engine.Kill()

	engine = e.Run(hurry, other)
	changeEvents(t, engine, "1 retried", "retry", "--all")
	engine.WaitLog("kept as undelivered")
	if n := engine.Metric("esm_async_events_dropped_total"); n != 1 {
		t.Errorf("%v events were dropped", n)
	}
	engine.Stop()
	if q.Count() > 0 {
		t.Errorf("the queue of a function that is gone has %q", q.Take())
	}
	got := undelivered(t, e)
	if len(got) != 1 {
		t.Fatalf("undelivered %+v", got)
	}
	if u := got[0]; u.RequestID != id || u.Condition != "RetriesExhausted" || u.Invokes != 3 || u.Destination != "" ||
		u.FunctionARN != f.ARN()+":$LATEST" || u.Response.Status != 404 || string(u.Payload) != `{"n":1}` {
		t.Errorf("undelivered %+v", u)
	}
}

// kept is what `esm undelivered list --json` prints of a notice.
type kept struct {
	ID, RequestID, Condition, Destination, FunctionARN, Reason string
	Invokes                                                    int
	DeadLetter                                                 bool
	Response                                                   struct{ Status int }
	Payload                                                    json.RawMessage
}

func undelivered(t *testing.T, e *rig.Env) (all []kept) {
	t.Helper()
	for line := range strings.Lines(e.RunOnData("undelivered", "list", "--json", "--payload")) {
		var u kept
		if err := json.Unmarshal([]byte(line), &u); err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		all = append(all, u)
	}
	return all
}
