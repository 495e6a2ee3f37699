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

	// Output takes what the runtimes write to their standard output and error.
	Output *Output
}

// Sandbox holds the runtimes of one environment, one at a time, and the temporary directory that outlives them. Calls
// are not concurrent.
type Sandbox interface {
	// Start starts the runtime and serves api to it, and to it alone, until the runtime is killed. It does not wait for
	// a request. The Runtime before it has been killed. Errors are as in [Platform]. After an error the Sandbox can be
	// started again.
	Start(ctx context.Context, api http.Handler) (Runtime, error)

	// Close removes the sandbox and its files. Nothing runs in it any more.
	Close()
}

// Runtime is a runtime that was started. Calls may be concurrent. There are four methods because a runtime's end, its
// memory and its output can be learned in no other way.
type Runtime interface {
	// Wait blocks until the runtime has ended and api has received everything that it sent before, or until Kill has
	// returned. It returns the failure of an invocation that this interrupts: [runtimeapi.Exited] in most cases.
	Wait() *runtimeapi.Failure

	// Kill ends every process that the runtime has started. With a grace the runtime is asked to terminate first
	// (SIGTERM) and killed when the grace is over. Kill returns when nothing is left and all output has been passed on,
	// or with an error if some process cannot be killed. It is called once.
	Kill(grace time.Duration) error

	// Flush passes on what the runtime has written so far, as far as the platform knows. A line without an end
	// counts as a line: what is written next belongs to another invocation.
	Flush()

	// Memory returns the most memory that the runtime has used, in MB, or 0 if that is unknown. It may read files.
	Memory() int
}
