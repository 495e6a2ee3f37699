// Package lifecycle is Lambda's execution environment: Init, invocations, timeouts, resets and the shutdown of one
// runtime after the other, the lines that the platform logs about them, and the attribution of output to invocations.
//
// It is written once, over a [Platform], which knows how to start, watch and kill a runtime: package process does so
// with processes of this machine. [Starter] joins the two to an [invoker.Starter].
//
// Facts are those of AWS: "Understanding the Lambda execution environment lifecycle".
package lifecycle

import (
	"context"
	"net"
	"net/http"
	"time"

	"github.com/esm-run/esm/config"
	"github.com/esm-run/esm/invoker/runtimeapi"
)

// Platform makes sandboxes: one technology of running handlers.
type Platform interface {
	// Sandbox makes a sandbox without starting anything in it. An error leaves nothing behind. It is a
	// *runtimeapi.Failure where the function is to blame, and any other where the machine is. Calls may be concurrent.
	Sandbox(ctx context.Context, spec Spec) (Sandbox, error)
}

// Spec describes a sandbox.
type Spec struct {
	ID       string // 32 hexadecimal digits, unique
	Function config.Function

	// Env holds the runtime's variables: Lambda's defaults, the function's own, and those that Lambda reserves. The
	// Platform adds AWS_LAMBDA_RUNTIME_API and what depends on its file system.
	Env map[string]string

	// ExtensionEnv holds the variables of external extensions: Env without those that Lambda keeps from them. The Platform adds
	// AWS_LAMBDA_RUNTIME_API here, too.
	ExtensionEnv map[string]string

	// Output takes what runtimes and extensions write to their standard output and error.
	Output *Output
}

// Sandbox holds the runtimes of one environment, one at a time, and the temporary directory that outlives them. Calls
// are not concurrent, except of Dial.
type Sandbox interface {
	// Extensions returns the names of the environment's external extensions, sorted: the executable files directly in
	// /opt/extensions, or what the platform has in its place.
	Extensions() []string

	// Start serves api, to the environment alone, until Kill, and starts the extensions and the runtime. The runtime starts
	// when registered is closed, which is when every external extension has registered; a platform that can start extensions
	// only beside a runtime starts it before. Start does not wait for requests, nor for registered unless that is closed
	// already. The Runtime before it has been killed. Errors are as in [Platform]. After an error the Sandbox can be started
	// again.
	Start(ctx context.Context, api http.Handler, registered <-chan struct{}) (Runtime, error)

	// Dial connects to a TCP port on which a process of the environment listens at sandbox.localdomain.
	Dial(ctx context.Context, port int) (net.Conn, error)

	// Close removes the sandbox and its files. Nothing runs in it any more.
	Close()
}

// Runtime is a runtime that was started, with the extensions beside it. Calls may be concurrent.
type Runtime interface {
	// Wait blocks until the runtime or an external extension has ended and api has received everything that it sent before,
	// or until Kill has returned. It returns the failure of an invocation that this interrupts: [runtimeapi.Exited] for a
	// runtime in most cases, [runtimeapi.OutOfMemory] if the kernel has killed it for its memory,
	// [runtimeapi.ExtensionCrashed] for an extension, [runtimeapi.SandboxFailed] if the machine could not start the runtime
	// after registered was closed.
	Wait() *runtimeapi.Failure

	// Kill ends every process that was started in the environment, as s says. It returns when nothing is left and all output
	// has been passed on, or with an error if some process cannot be killed. It is called once. The runtime may be frozen.
	Kill(s Shutdown) error

	// Flush passes on what the runtime has written so far, as far as the platform knows. A line without an end
	// counts as a line: what is written next belongs to another invocation.
	Flush()

	// Memory returns the most memory that the environment has used, in MB, or 0 if that is unknown. It may read files.
	Memory() int

	// Freeze stops all processes of the environment until Thaw, as far as the platform can: an error says that they go on.
	// Thaw returns when they go on. A runtime that has ended is no error.
	Freeze() error
	Thaw() error
}

// Shutdown is how an environment ends (AWS: "Understanding the Lambda execution environment lifecycle"). The zero value
// kills everything at once.
type Shutdown struct {
	Grace time.Duration // between SIGTERM and SIGKILL for the runtime; 0 kills it at once

	// Notify tells the external extensions that subscribed to SHUTDOWN that the environment ends. It is called once, when the
	// runtime does not run any more, or when it cannot run on if the platform's extensions live and die with it. Nil if there
	// is none to be told.
	Notify func()

	// Extensions is how long the external extensions that are told may take to end, from the call of Kill on.
	Extensions time.Duration

	// Told are the names of the external extensions that Notify tells. The others are killed at once.
	Told []string
}
