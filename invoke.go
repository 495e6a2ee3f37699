package esm

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
)

// Invoker runs functions under their concurrency limits. All methods may be called concurrently.
type Invoker interface {
	// Invoke runs c once. It returns [ErrThrottled] within milliseconds if no permit is free. Otherwise it blocks until
	// the function has answered, failed or timed out: at most the function's timeout and the time to start it.
	//
	// A function that fails, crashes or times out is a Response with a Fault and a nil error. After an [ErrNotRun] the
	// handler has certainly not seen the event; after another error that is not known.
	Invoke(ctx context.Context, c Call) (Response, error)

	// Reserve waits for a permit to run function, first come, first served, until ctx ends. It returns [ErrRefused] if the
	// function does not exist. A permit counts as one running invocation: release it soon.
	Reserve(ctx context.Context, function string) (Slot, error)
}

// Slot is one permit in hand. It belongs to one goroutine.
type Slot interface {
	// Invoke is [Invoker].Invoke under this permit. It may be called several times, one after another. c.Function must be
	// the function that the slot was reserved for.
	Invoke(ctx context.Context, c Call) (Response, error)

	// Release gives the permit back. Further calls have no effect.
	Release()
}

// MaxPayload is the most bytes that the event of one invocation may have (AWS: "Lambda quotas").
const MaxPayload = 6_291_456

// Call is one invocation.
type Call struct {
	// ID is the request ID that the handler sees: a UUID, version 4.
	ID string

	// Function is the function's name as the caller wrote it, with or without ":qualifier".
	Function string

	// Payload is the event: at most MaxPayload bytes of JSON. The invoker does not change it.
	Payload json.RawMessage

	// TraceHeader is the value of Lambda-Runtime-Trace-Id. If it is empty the invoker makes one that is not sampled.
	TraceHeader string

	// ClientContext is the decoded JSON of X-Amz-Client-Context; empty if the caller gave none.
	ClientContext string

	// Stream receives the response while the handler writes it, if the handler streams. It may be nil: then every response
	// is collected. A handler that does not stream answers with a Response in any case.
	Stream ResponseStream
}

// ResponseStream receives a response in parts. Its methods are called by one goroutine at a time, and not after the
// invocation has returned.
type ResponseStream interface {
	// Begin is called once, before the first Write, with the response's media type as the handler gave it; it may be empty.
	Begin(contentType string)

	// Write receives the next bytes. It blocks while the receiver is slow, and does not keep p. After an error the rest of the
	// response is read and discarded.
	Write(p []byte) (n int, err error)
}

// Response is the result of an invocation that ran.
type Response struct {
	// Payload is the handler's answer, or the description of its failure, byte for byte.
	Payload json.RawMessage

	// Fault is empty if the handler succeeded. Otherwise it is the kind of failure: "Unhandled" for an error that the
	// handler reported, or a type of the platform such as "Sandbox.Timedout" or "Runtime.ExitError".
	Fault string

	// Status is the HTTP status of Lambda's Invoke API: 200 if the function ran.
	Status int

	// Version is the version of the function that ran; "$LATEST" for local functions.
	Version string

	// Streamed means that the handler streamed its response. If Call.Stream is set, the response went there and Payload has
	// none of it; otherwise Payload has all of it. With a Fault the handler failed in the middle of its response, and Payload
	// describes that: Lambda counts this as a success of an asynchronous invocation.
	Streamed bool
}

// Errors of an Invoker.
var (
	// ErrNotRun means that the handler has certainly not seen the event, and that trying again may help.
	ErrNotRun = errors.New("the function was not run")

	// ErrThrottled means that no permit was free. It is an ErrNotRun.
	ErrThrottled = fmt.Errorf("throttled: %w", ErrNotRun)

	// ErrRefused means that the handler has not seen the event, and that trying again will not help by itself: the
	// function does not exist, access is denied, the request is too large or invalid, or it was stopped as recursive. It
	// is not an ErrNotRun.
	ErrRefused = errors.New("the invocation was refused")

	// ErrTooLarge means that the event is larger than the function accepts. It is an ErrRefused.
	ErrTooLarge = fmt.Errorf("the event is too large: %w", ErrRefused)
)
