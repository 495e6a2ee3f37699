package process

import (
	"fmt"
	"sync"

	"golang.org/x/sys/unix"
)

// startTime is when a process started; empty when there is none. Together with its id it names a process for ever.
func startTime(pid int) string {
	info, err := unix.SysctlKinfoProc("kern.proc.pid", pid)
	if err != nil {
		return ""
	}
	since := info.Proc.P_starttime
	return fmt.Sprintf("%d.%06d", since.Sec, since.Usec)
}

// bootID names the time since the machine was started.
var bootID = sync.OnceValue(func() string {
	since, err := unix.SysctlTimeval("kern.boottime")
	if err != nil {
		return "0"
	}
	return fmt.Sprint(since.Sec)
})

// killMarked does nothing: the environment of a process is not to be had here. A process that left its group stays.
func killMarked(map[string]bool) bool { return true }
