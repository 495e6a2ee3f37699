package runtimeapi

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/esm-run/esm"
)

// Failure is a failure of an invocation or a start that the runtime did not report. It is an error, and a Response with
// the same text for the caller.
type Failure struct {
	Type string // as Lambda names it: Runtime.ExitError, Sandbox.Timedout
	Text string

	Extension string // the name of the extension that failed; empty if none did, or it is not known which
	Reason    string // why Extension could not be started, as Lambda logs it; empty in all other cases
}

func (f *Failure) Error() string {
	if f.Extension != "" {
		return f.Type + ": extension " + f.Extension + ": " + f.Text
	}
	return f.Type + ": " + f.Text
}

// Response returns the answer of the invocation id, byte for byte as Lambda words it.
func (f *Failure) Response(id string) esm.Response {
	return respond(errorBody(f.Type, "RequestId: "+id+" Error: "+f.Text), f.Type)
}

// Bare returns the answer of an invocation in the words of a [ConcurrentSession]: without a request id.
func (f *Failure) Bare() esm.Response { return respond(errorBody(f.Type, f.Text), f.Type) }

// TimedOut returns the Failure of an invocation that took longer than limit.
func TimedOut(limit time.Duration) *Failure {
	return &Failure{Type: "Sandbox.Timedout", Text: fmt.Sprintf("Task timed out after %.2f seconds", limit.Seconds())}
}

// Exited returns the Failure of a runtime that ended. The reason is of the form "exit status 1" or "signal: killed", and
// empty for status 0.
func Exited(reason string) *Failure {
	if reason == "" {
		return &Failure{Type: "Runtime.ExitError", Text: "Runtime exited without providing a reason"}
	}
	return &Failure{Type: "Runtime.ExitError", Text: "Runtime exited with error: " + reason}
}

// OutOfMemory returns the Failure of a runtime that the kernel has killed because the environment had used up its memory.
func OutOfMemory() *Failure {
	return &Failure{Type: outOfMemory, Text: "Runtime exited with error: signal: killed"}
}

const outOfMemory = "Runtime.OutOfMemory"

// IsOutOfMemory reports whether f is an OutOfMemory. A nil Failure is none.
func (f *Failure) IsOutOfMemory() bool { return f != nil && f.Type == outOfMemory }

// ExtensionCrashed returns the Failure of an environment whose external extension ended. The reason is of the form "exit
// status 1", and empty for status 0.
func ExtensionCrashed(reason string) *Failure {
	return &Failure{Type: "Extension.Crash", Text: cmp.Or(reason, "exit code 0")}
}

// ExtensionNotStarted returns the Failure of an environment whose external extension cannot be started because of err.
func ExtensionNotStarted(name string, err error) *Failure {
	reason := "UnknownError"
	if errors.Is(err, fs.ErrPermission) {
		reason = "PermissionDenied"
	}
	return &Failure{Type: "Extension.LaunchError", Text: err.Error(), Extension: name, Reason: reason}
}

// TooManyExtensions returns the Failure of an environment that has more external extensions than Lambda allows.
func TooManyExtensions(names []string) *Failure {
	return &Failure{
		Type: "Extension.LaunchError", Text: fmt.Sprintf("Extension limit (%d) reached", MaxExtensions),
		Extension: names[MaxExtensions], Reason: "TooManyExtensions",
	}
}

// extensionFailed returns the Failure of an environment whose extension reported that it failed.
func extensionFailed(e *extension) *Failure {
	return &Failure{Type: "Extension." + string(e.state), Text: e.fault, Extension: e.name}
}

// InvalidEntrypoint returns the Failure of a runtime that could not be started.
func InvalidEntrypoint(text string) *Failure {
	return &Failure{Type: "Runtime.InvalidEntrypoint", Text: text}
}

// sandboxFailure is the type of a failure of the machine.
const sandboxFailure = "Sandbox.Failure"

// SandboxFailed returns the Failure of an environment that the machine could not run. The function is not to blame.
func SandboxFailed(text string) *Failure { return &Failure{Type: sandboxFailure, Text: text} }

// OfMachine reports whether f is the machine's failure, and not the function's.
func (f *Failure) OfMachine() bool { return f.Type == sandboxFailure }

// errorBody returns a failure's JSON, with its keys in Lambda's order.
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
