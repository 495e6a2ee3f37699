//go:build !linux

package docker

import (
	"syscall"

	"github.com/moby/moby/api/types/system"
)

// isLocal returns false: the daemon is in a virtual machine.
func isLocal(string, system.Info) bool { return false }

// listenEarly is not called: see isLocal.
func listenEarly(_, _ string, _ syscall.RawConn) error { return nil }
