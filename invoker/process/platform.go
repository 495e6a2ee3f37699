// Package process runs functions as processes of this machine: a command, a bootstrap file, or an interpreter with a
// small runtime interface client.
//
// A sandbox is a process group with a Runtime API of its own on a loopback port, a private temporary directory and an
// environment made from nothing but what Lambda sets and the function asks for. Each external extension, an executable file
// in the directory extensions of the code or of a layer, is a process group beside it. There is no protection against a
// handler that means harm.
//
// If this program is killed, its runtimes are killed by the kernel (Linux), and processes that they had started are
// found and killed by Sweep at the next start.
package process

import (
	"context"
	"fmt"

	"github.com/esm-run/esm/config"
	"github.com/esm-run/esm/invoker/lifecycle"
)

// Platform runs functions with a Command or a Runtime. Its fields are set before the first use.
type Platform struct {
	// Dir holds a directory for each sandbox: its temporary files and the record by which Sweep finds what a killed
	// program left behind. Programs on one machine may share it; containers may not, since they do not see each
	// other's processes. Empty means a directory of this user's below the system's temporary one.
	Dir string

	// Bootstrap returns the command that runs a function with a Runtime other than provided.*, and variables that it
	// needs. Nil knows no such runtime.
	Bootstrap func(fn config.Function) (argv []string, env map[string]string, err error)
}

var _ lifecycle.Platform = (*Platform)(nil)

// Sandbox makes a sandbox, as [lifecycle.Platform] says.
func (p *Platform) Sandbox(_ context.Context, spec lifecycle.Spec) (lifecycle.Sandbox, error) {
	program, err := p.program(spec.Function)
	if err != nil {
		return nil, err
	}
	extensions, err := findExtensions(program.dir, spec.Function.Layers)
	if err != nil {
		return nil, fmt.Errorf("process: %w", err)
	}
	dir, err := p.newPrivate(spec.ID)
	if err != nil {
		return nil, fmt.Errorf("process: %w", err)
	}
	return &sandbox{
		program: program, extensions: extensions, dir: dir, output: spec.Output,
		env: runtimeVariables(spec, program, dir.tmp()), extensionEnv: extensionVariables(spec, program, dir.tmp()),
	}, nil
}
