package runtimeapi

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/esm-run/esm"
)

// Failure is an invocation, or a start, that failed without the runtime saying so. It is an error for people and a
// Response for callers; the two bear the same text.
type Failure struct {
	Type string // as Lambda names it: Runtime.ExitError, Sandbox.Timedout
	Text string
}

func (f *Failure) Error() string { return f.Type + ": " + f.Text }

// Response is what the caller of the invocation id gets, byte for byte as Lambda words it.
func (f *Failure) Response(id string) esm.Response {
	return respond(errorBody(f.Type, "RequestId: "+id+" Error: "+f.Text), f.Type)
}

// TimedOut is the failure of an invocation that took longer than limit.
func TimedOut(limit time.Duration) *Failure {
	return &Failure{Type: "Sandbox.Timedout", Text: fmt.Sprintf("Task timed out after %.2f seconds", limit.Seconds())}
}

// Exited is the failure of a runtime that ended. The reason is worded "exit status 1" or "signal: killed"; it is empty
// for a runtime that ended of its own accord, with status 0.
func Exited(reason string) *Failure {
	if reason == "" {
		return &Failure{Type: "Runtime.ExitError", Text: "Runtime exited without providing a reason"}
	}
	return &Failure{Type: "Runtime.ExitError", Text: "Runtime exited with error: " + reason}
}

// InvalidEntrypoint is the failure of a runtime that could not be started.
func InvalidEntrypoint(text string) *Failure {
	return &Failure{Type: "Runtime.InvalidEntrypoint", Text: text}
}

// errorBody has its keys in Lambda's order.
func errorBody(kind, message string) []byte {
	body, err := json.Marshal(struct {
		Type    string `json:"errorType"`
		Message string `json:"errorMessage"`
	}{kind, message})
	if err != nil { // two strings always marshal
		return nil
	}
	return body
}
