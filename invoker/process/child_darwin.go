package process

import (
	"syscall"
	"unsafe"
)

// dieWithParent does nothing: the system has no such signal. Most runtimes end when their Runtime API is gone; Sweep finds
// the rest.
func dieWithParent(*syscall.SysProcAttr) {}

// awaitExit waits until the process has ended and leaves it to be reaped.
func awaitExit(pid int) {
	const (
		byPid   = 1
		wexited = 0x4
		wnowait = 0x20
	)
	var info [16]uint64 // at least a siginfo
	for {
		_, _, err := syscall.Syscall6(syscall.SYS_WAITID, byPid, uintptr(pid), uintptr(unsafe.Pointer(&info[0])), wexited|wnowait, 0, 0)
		if err != syscall.EINTR {
			return
		}
	}
}
