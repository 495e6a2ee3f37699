// Package async_test shows asynchronous invocation: events that were accepted are tried as on AWS, and end where AWS ends
// them, with the same records.
package async_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/esm-run/esm/e2e/rig"
)

// python is a handler like that of AWS's recordings.
const python = `import time

def handler(event, context):
    if event.get("raise_error"):
        raise Exception("Test exception (this is intentional)")
    if event.get("wait"):
        time.sleep(60)
    return event.get("answer")
`

// pythonFunction returns the function f with that handler and further keys.
func pythonFunction(e *rig.Env, keys ...string) *rig.Function {
	e.Helper()
	rig.Need(e.TB, "python3")
	e.WriteFile("src/app.py", python)
	all := append([]string{"Runtime: python3.12", "Handler: app.handler", "CodeUri: src"}, keys...)
	if !slices.ContainsFunc(keys, func(key string) bool { return strings.HasPrefix(key, "Timeout:") }) {
		all = append(all, "Timeout: 60") // an answer that is made at once may take seconds on a busy machine
	}
	return &rig.Function{Name: "f", Description: "{" + strings.Join(all, ", ") + "}"}
}

// hurry shortens delays to a hundredth.
const hurry = rig.EngineKeys("TimeScale: 0.01")

// The event that AWS recorded, and parts of the records of its end. ID, TIME and DIR are placeholders.
const (
	failing = `{"raise_error": 1}`
	head    = `{"version":"1.0","timestamp":"TIME","requestContext":{"requestId":"ID",` +
		`"functionArn":"arn:aws:lambda:us-east-1:000000000000:function:f:$LATEST",`
	raised = `"requestPayload":{"raise_error": 1},"responseContext":{"statusCode":200,"executedVersion":"$LATEST","functionError":"Unhandled"},` +
		`"responsePayload":{"errorMessage": "Test exception (this is intentional)", "errorType": "Exception", "requestId": "ID", ` +
		`"stackTrace": ["  File \"DIR/src/app.py\", line 5, in handler\n    raise Exception(\"Test exception (this is intentional)\")\n"]}}`
	exhausted = head + `"condition":"RetriesExhausted","approximateInvokeCount":COUNT},` + raised
)

// counted returns exhausted for a number of tries.
func counted(tries int) string { return strings.Replace(exhausted, "COUNT", fmt.Sprint(tries), 1) }

// checkRecord compares a record to the byte with one that has placeholders. Its time has to be now.
func checkRecord(t *testing.T, e *rig.Env, got, want, id string) {
	t.Helper()
	var is struct{ Timestamp string }
	if err := json.Unmarshal([]byte(got), &is); err != nil {
		t.Fatalf("record %s: %v", got, err)
	}
	rig.CheckTime(t, is.Timestamp)
	if want = strings.NewReplacer("ID", id, "TIME", is.Timestamp, "DIR", e.Dir).Replace(want); got != want {
		t.Errorf("record\n%s, want\n%s", got, want)
	}
}

// checkTries stops the engine, and checks the request IDs of all invocations that began.
func checkTries(t *testing.T, engine *rig.Engine, want ...string) {
	t.Helper()
	engine.Stop()
	var got []string
	for line := range strings.Lines(engine.Output()) {
		if _, start, found := strings.Cut(line, "START RequestId: "); found {
			id, _, _ := strings.Cut(start, " ")
			got = append(got, id)
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("invocations %q, want %q", got, want)
	}
}
