package docker

import (
	"fmt"
	"strings"
	"syscall"

	"github.com/containerd/errdefs"

	"github.com/esm-run/esm/invoker/runtimeapi"
)

// deaths are the signals by which a first process is taken to have died if its status is 128 more. Other such statuses are
// those of programs, like 142 of AWS's entry script.
var deaths = map[int]bool{
	int(syscall.SIGILL): true, int(syscall.SIGABRT): true, int(syscall.SIGBUS): true, int(syscall.SIGFPE): true,
	int(syscall.SIGKILL): true, int(syscall.SIGSEGV): true, int(syscall.SIGTERM): true,
}

const signalled = 128 // is added to the signal

// reason returns why a process ended with a status, in the form of [runtimeapi.Exited].
func reason(status int) string {
	switch signal := status - signalled; {
	case status == 0:
		return ""
	case deaths[signal]:
		return "signal: " + syscall.Signal(signal).String()
	default:
		return fmt.Sprintf("exit status %d", status)
	}
}

// badDirectory is how daemons begin what is wrong with a working directory. They have no status of its own for that.
const badDirectory = "Cannot mkdir"

// podmanNoProgram is what Podman says of a program that an image does not have; it notes no exit code.
const podmanNoProgram = "a command that was not found"

// createFailed returns the error of a container that could not be created: a *runtimeapi.Failure if the function is to blame.
func (s *sandbox) createFailed(d *daemon, err error) error {
	switch {
	case errdefs.IsNotFound(err):
		s.platform.lost(s.spec.Function.Image())
		return fmt.Errorf("docker: the image %s has been removed from the daemon, or something that it is created with: %w",
			s.spec.Function.Image(), err)
	case errdefs.IsInvalidArgument(err), strings.Contains(err.Error(), badDirectory):
		return &runtimeapi.Failure{Type: "Runtime.InvalidWorkingDir", Text: err.Error()}
	}
	return d.explain("create a container", err)
}

// startFailed is createFailed for a container that could not be started. status is its exit code.
func (s *sandbox) startFailed(d *daemon, err error, status int) error {
	const notFound, notExecutable = 127, 126
	command := s.command
	switch {
	case status == notFound, strings.Contains(err.Error(), podmanNoProgram):
		return runtimeapi.InvalidEntrypoint(fmt.Sprintf("fork/exec %s: no such file or directory", command))
	case status == notExecutable:
		return runtimeapi.InvalidEntrypoint(fmt.Sprintf("fork/exec %s: permission denied", command))
	case errdefs.IsInvalidArgument(err):
		return runtimeapi.InvalidEntrypoint(err.Error())
	}
	return d.explain("start a container", err)
}
