package invoker

import (
	"context"

	"github.com/esm-run/esm"
	"github.com/esm-run/esm/config"
)

// Starter makes environments: one technology of running handlers.
type Starter interface {
	// Start makes an environment for fn and waits until its runtime asks for a first event, at most the ten seconds
	// of Lambda's Init phase. A runtime that is slower than that is not an error: its first Invoke waits for it
	// within the function's timeout (AWS: "Understanding the Lambda execution environment lifecycle").
	//
	// An environment that cannot be made, or whose Init fails, is a *Broken and leaves nothing behind.
	// Start may be called side by side; it ends early when ctx does.
	Start(ctx context.Context, fn config.Function) (Environment, error)
}

// Environment is one place in which a function runs, one invocation at a time. One goroutine at a time uses it; Close
// alone may be called from another.
type Environment interface {
	// Invoke runs c and returns as soon as the runtime has answered, crashed or run out of the function's timeout,
	// which the environment itself enforces. A crash or timeout is a Response with a Fault; the environment resets
	// itself before the next Invoke and keeps its private temporary directory. An error means that the event may
	// or may not have been seen, unless it is esm.ErrNotRun. When ctx ends first, the runtime is killed.
	Invoke(ctx context.Context, c esm.Call) (esm.Response, error)

	// Drain blocks until the runtime, having answered, asks for its next event: only then is the environment free.
	// It returns an error when the environment is of no use any more; then only Close is left to do. The function's
	// timeout bounds it. After a reset it returns at once.
	Drain(ctx context.Context) error

	// Close ends every process of the environment and removes its files. It blocks until they are gone. Calling it
	// again does nothing.
	Close()
}

// Broken is a failed start.
type Broken struct {
	// Response is the answer that the invocation id gets, as Lambda words it: Fault and Payload are set. A start knows of
	// no invocation; whoever waited for it names its own. It may be called side by side.
	Response func(id string) esm.Response

	Err error // for people: which command, and why
}

func (b *Broken) Error() string { return b.Err.Error() }
func (b *Broken) Unwrap() error { return b.Err }
