//go:build !linux

package docker

import "github.com/moby/moby/api/types/system"

// isLocal returns false: the daemon is in a virtual machine.
func isLocal(string, system.Info) bool { return false }
