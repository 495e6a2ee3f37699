package esm

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
)

// Invoker runs functions under their concurrency limits. All methods may be called side by side.
type Invoker interface {
	// Invoke runs c once. It answers [ErrThrottled] within milliseconds when no permit is free, and otherwise blocks
	// until the function has answered, failed or timed out: at most the function's timeout plus the time to start it.
	//
	// A function that fails, crashes or times out is a Response with a Fault and a nil error. An error that is
	// [ErrNotRun] says that the handler surely did not see the event; any other error leaves that open.
	Invoke(ctx context.Context, c Call) (Response, error)

	// Reserve waits for a permit to run function, first come first served, until ctx ends. It answers [ErrRefused]
	// when the function does not exist. A permit in hand counts as one running invocation: release it soon.
	Reserve(ctx context.Context, function string) (Slot, error)
}

// Slot is one permit in hand. It belongs to one goroutine.
type Slot interface {
	// Invoke is [Invoker].Invoke under this permit; it may be called several times, one after the other.
	// c.Function must be the function that the slot was reserved for.
	Invoke(ctx context.Context, c Call) (Response, error)

	// Release gives the permit back. Further calls do nothing.
	Release()
}

// MaxPayload is how many bytes the event of one invocation has at the most (AWS: "Lambda quotas").
const MaxPayload = 6_291_456

// Call is one invocation.
type Call struct {
	// ID is the request id that the handler sees: a UUID, version 4.
	ID string

	// Function is the function's name as it was asked for, with or without ":qualifier".
	Function string

	// Payload is the event: at most MaxPayload bytes of JSON. The invoker does not change it.
	Payload json.RawMessage

	// TraceHeader is the value of Lambda-Runtime-Trace-Id; empty lets the invoker make one that is not sampled.
	TraceHeader string

	// ClientContext is the decoded JSON of X-Amz-Client-Context; empty when the caller gave none.
	ClientContext string
}

// Response is what came of an invocation that ran.
type Response struct {
	// Payload is the handler's answer, or the description of its failure, byte for byte.
	Payload json.RawMessage

	// Fault is empty when the handler succeeded. Otherwise it names the kind of failure: "Unhandled" for an error
	// that the handler reported, else a platform's type such as "Sandbox.Timedout" or "Runtime.ExitError".
	Fault string

	// Status is the HTTP status that Lambda's Invoke API answers with: 200 whenever the function ran.
	Status int

	// Version is the function's version that ran; "$LATEST" for local functions.
	Version string
}

// What an Invoker's errors say about the handler and about trying again.
var (
	// ErrNotRun says that the handler surely did not see the event, and that trying again may help.
	ErrNotRun = errors.New("the function was not run")

	// ErrThrottled says that no permit was free. It is an ErrNotRun.
	ErrThrottled = fmt.Errorf("throttled: %w", ErrNotRun)

	// ErrRefused says that the handler did not see the event, and that trying again will not help by itself: the
	// function does not exist, access is denied, the request is too large or not valid, or it was stopped as
	// recursive. It is not an ErrNotRun.
	ErrRefused = errors.New("the invocation was refused")

	// ErrTooLarge says that the event is larger than the function takes. It is an ErrRefused.
	ErrTooLarge = fmt.Errorf("the event is too large: %w", ErrRefused)
)
