package process

import (
	"bytes"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"
)

// startTime returns when a process started, in ticks since the machine did, or "" if there is no such process. With the
// process id and the boot id it identifies a process.
func startTime(pid int) string {
	stat, _ := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "stat"))
	fields := bytes.Fields(stat[bytes.LastIndexByte(stat, ')')+1:]) // its name may contain anything
	if len(fields) < 20 || fields[0][0] == 'Z' {                    // a zombie has ended
		return ""
	}
	return string(fields[19])
}

// bootID returns an id of this boot of the machine.
var bootID = sync.OnceValue(func() string {
	id, _ := os.ReadFile("/proc/sys/kernel/random/boot_id")
	return strings.ReplaceAll(strings.TrimSpace(string(id)), "-", "")
})

const (
	killMarkedWait = 2 * time.Second
	killMarkedStep = 2 * time.Millisecond
)

// killMarked kills every process with the mark of one of the sandboxes, whatever its group, and waits until none is left.
// It reports whether that succeeded. Processes inherit the mark unless they replace their environment.
func killMarked(ids map[string]bool) bool {
	for end := time.Now().Add(killMarkedWait); ; {
		left := false
		for _, pid := range processes() {
			if bears(pid, ids) {
				left = true
				kill(pid, ids)
			}
		}
		if !left || time.Now().After(end) {
			return !left
		}
		<-time.After(killMarkedStep)
	}
}

// kill takes a handle of the process before it checks the mark again, so that it cannot kill another with the same id.
func kill(pid int, ids map[string]bool) {
	p, err := os.FindProcess(pid)
	if err != nil {
		return
	}
	defer func() { _ = p.Release() }() // gives back a file descriptor at most
	if bears(pid, ids) {
		_ = p.Kill() // an error says that it has ended
	}
}

func bears(pid int, ids map[string]bool) bool {
	env, _ := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "environ")) // empty for those of other users
	for len(env) > 0 {
		var one []byte
		one, env, _ = bytes.Cut(env, []byte{0})
		if id, ok := bytes.CutPrefix(one, []byte(marker+"=")); ok {
			return ids[string(id)]
		}
	}
	return false
}

// processes returns the ids of all processes but this one.
func processes() []int {
	dir, err := os.Open("/proc")
	if err != nil {
		return nil
	}
	defer dir.Close()
	names, _ := dir.Readdirnames(-1) // as many as can be read
	var pids []int
	for _, name := range names {
		if pid, err := strconv.Atoi(name); err == nil && pid != os.Getpid() {
			pids = append(pids, pid)
		}
	}
	return pids
}
