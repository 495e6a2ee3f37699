// Package process runs functions as processes of this machine: a command, a bootstrap file, or an interpreter with a
// small runtime interface client.
//
// An environment is a process group with a Runtime API of its own on a loopback port, a private temporary directory and
// an environment made from nothing but what Lambda sets and the function asks for. What Lambda does by a sandbox is
// done by signals here: a runtime that crashes or runs out of time is killed with everything it started, and the next
// invocation starts it anew. There is no protection against a handler that means harm.
//
// If this program is itself killed, its runtimes are killed by the kernel (Linux), and whatever they had started is
// found and killed by Sweep at the next start.
package process

import (
	"cmp"
	"context"
	"time"

	"github.com/esm-run/esm/config"
	"github.com/esm-run/esm/invoker"
	"github.com/esm-run/esm/trace"
)

// Starter makes environments for functions with a Command or a Runtime. Its fields are set before the first use.
type Starter struct {
	Region    string // AWS_REGION of handlers; empty means us-east-1
	AccountID string // in the ARN of functions that have none; empty means 000000000000

	// AWSEndpoint is the URL of an emulator of AWS. Handlers get it as AWS_ENDPOINT_URL, with "test" for both keys,
	// unless they set these variables themselves. Empty sets neither: handlers have no credentials but their own.
	AWSEndpoint string

	// Dir holds a directory for each environment: its temporary files and the record by which Sweep finds what a
	// killed program left behind. Programs on one machine may share it; containers may not, since they do not see
	// each other's processes. Empty means a directory of this user's below the system's temporary one.
	Dir string

	Trace trace.Func // told every line of Output

	// Bootstrap gives the command that runs a function with a Runtime other than provided.*, and variables that it
	// needs. Nil knows no such runtime.
	Bootstrap func(fn config.Function) (argv []string, env map[string]string, err error)

	initLimit time.Duration // for tests; 0 means that of Lambda
}

var _ invoker.Starter = (*Starter)(nil)

// Limits of Lambda's life cycle (AWS: "Understanding the Lambda execution environment lifecycle").
const (
	initLimit     = 10 * time.Second
	shutdownGrace = 500 * time.Millisecond // between SIGTERM and SIGKILL, for runtimes with an internal extension
	initErrorExit = 500 * time.Millisecond // for a runtime to end by itself after reporting that its Init failed
)

func (s *Starter) region() string { return cmp.Or(s.Region, "us-east-1") }

// Start starts fn's runtime, as [invoker.Starter] says. An Init that takes longer than ten seconds is ended; the first
// Invoke starts it over, within the function's timeout, which is what Lambda does.
func (s *Starter) Start(ctx context.Context, fn config.Function) (invoker.Environment, error) {
	e, err := s.newEnvironment(fn)
	if err != nil {
		return nil, err
	}
	if err := e.start(ctx); err != nil {
		e.Close()
		return nil, err
	}
	return e, nil
}
