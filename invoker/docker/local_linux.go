package docker

import (
	"errors"
	"os"
	"slices"
	"strings"
	"syscall"

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

// listenEarly lets a socket listen at an address before the machine has it.
func listenEarly(_, _ string, c syscall.RawConn) error {
	var set error
	err := c.Control(func(fd uintptr) { set = unix.SetsockoptInt(int(fd), unix.SOL_IP, unix.IP_FREEBIND, 1) })
	return errors.Join(err, set)
}
