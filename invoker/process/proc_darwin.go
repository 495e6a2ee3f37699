package process

import (
	"fmt"
	"sync"

	"golang.org/x/sys/unix"
)

// startTime returns when a process started, or "" if there is no such process. With the process id it identifies a
// process.
func startTime(pid int) string {
	info, err := unix.SysctlKinfoProc("kern.proc.pid", pid)
	if err != nil {
		return ""
	}
	since := info.Proc.P_starttime
	return fmt.Sprintf("%d.%06d", since.Sec, since.Usec)
}

// bootID returns an id of this boot of the machine.
var bootID = sync.OnceValue(func() string {
	since, err := unix.SysctlTimeval("kern.boottime")
	if err != nil {
		return "0"
	}
	return fmt.Sprint(since.Sec)
})

// killMarked does nothing: the environment of a process cannot be read here. A process that left its group stays.
func killMarked(map[string]bool) bool { return true }
