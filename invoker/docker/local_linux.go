package docker

import (
	"os"
	"slices"
	"strings"

	"github.com/moby/moby/api/types/system"
	"golang.org/x/sys/unix"
)

// isLocal reports whether a daemon runs on the kernel of this program, and not without the rights of root.
func isLocal(host string, info system.Info) bool {
	var u unix.Utsname
	if unix.Uname(&u) != nil || !strings.HasPrefix(host, "unix://") {
		return false
	}
	name, err := os.Hostname()
	return err == nil && name == info.Name && unix.ByteSliceToString(u.Release[:]) == info.KernelVersion &&
		!slices.ContainsFunc(info.SecurityOptions, func(o string) bool { return strings.Contains(o, "rootless") })
}
