package invoker

import (
	"context"
	"fmt"

	"github.com/esm-run/esm"
	"github.com/esm-run/esm/config"
)

// Starter makes environments. Package lifecycle has the one that is used.
type Starter interface {
	// Start makes an environment for fn and waits until its runtime asks for a first event, at most the ten seconds
	// of Lambda's Init phase. A runtime that is slower than that is not an error: its first Invoke waits for it
	// within the function's timeout (AWS: "Understanding the Lambda execution environment lifecycle"). A provisioned
	// environment has 130 seconds, or the function's timeout if that is longer; exceeding them is an error.
	//
	// An error leaves nothing behind. It is a *Broken where the function is to blame, and any other where the
	// machine is. Calls may be concurrent, and end early when ctx does.
	Start(ctx context.Context, fn config.Function, as Initialization) (Environment, error)
}

// Initialization says why an environment is started: the value of AWS_LAMBDA_INITIALIZATION_TYPE.
type Initialization string

// The values of Initialization.
const (
	OnDemand    Initialization = "on-demand"               // for an invocation that waits
	Provisioned Initialization = "provisioned-concurrency" // before there is one
)

// Environment runs a function, one invocation at a time. One goroutine at a time uses it; only Close, Freeze, ID and Memory
// may be called concurrently.
//
// An environment of a multi-concurrent function has as many places as [config.Function.PerEnvironment] says, each for one
// invocation at a time, and each is used by one goroutine at a time. One place is free after Start. A place becomes free when
// Drain has returned for it, which can be called again if its context ended; any place may be used next.
type Environment interface {
	// ID returns the environment's identifier, which is unique on this machine: the end of the name of its log stream. It
	// never changes.
	ID() string

	// Invoke runs c and returns as soon as the runtime has answered, crashed or exceeded the function's timeout,
	// which the environment enforces. A crash or timeout is a Response with a Fault; the environment resets itself
	// before the next Invoke and keeps its temporary directory. A multi-concurrent environment goes on after a timeout, and is of
	// no use any more after a crash, which is the Response of all invocations that run. After an error the handler may or may not have seen
	// the event, unless it is an esm.ErrNotRun. If ctx ends first, the runtime is killed,
	// a multi-concurrent one is not.
	//
	// A runtime that streams its response is held up by c.Stream, at most until the function's timeout. If Invoke returns
	// for another reason than the runtime's answer, a call of c.Stream may still be in progress, and the Response's
	// Streamed is not set.
	Invoke(ctx context.Context, c esm.Call) (esm.Response, error)

	// Drain blocks until the runtime, having answered, asks for its next event, and so do the extensions that got the last:
	// only then is the environment free.
	// After an error the environment can only be closed. The function's timeout bounds Drain. After a reset it
	// returns at once.
	//
	// In a multi-concurrent environment Drain blocks until one more worker of the runtime waits for an event, which may be for
	// ever.
	Drain(ctx context.Context) error

	// Freeze stops the processes of the environment, as far as its platform can, until the next Invoke lets them go on. It
	// does nothing while the environment is in use. An Invoke that comes meanwhile waits for it: some milliseconds.
	Freeze()

	// Memory returns the most memory that the environment is known to have used, in MB, or 0 if that is unknown. It may be
	// called concurrently and does not block.
	Memory() int

	// Close kills every process of the environment and removes its files. It blocks until they are gone. Further
	// calls do nothing.
	Close()
}

// ErrNoPlace is the error of an Invoke that found no place for the invocation, which runs elsewhere: the environment has ended,
// or fewer of its workers wait for events than it seemed. It is an [esm.ErrNotRun].
var ErrNoPlace = fmt.Errorf("invoker: no worker of the environment waits for an event: %w", esm.ErrNotRun)

// Broken is a start that failed because of the function.
type Broken struct {
	// Response returns the answer of the invocation id that waited for the start, as Lambda words it: Fault and Payload
	// are set. Calls may be concurrent.
	Response func(id string) esm.Response

	Err error // for people: which command, and why
}

func (b *Broken) Error() string { return b.Err.Error() }
func (b *Broken) Unwrap() error { return b.Err }
