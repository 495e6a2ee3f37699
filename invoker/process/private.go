package process

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// private is the directory of one sandbox. Those of one program are in a directory whose name identifies the program,
// so that Sweep can tell whether it still runs:
//
//	<Dir>/<pid>-<start time>-<boot>/<id>/tmp     temporary files
//	<Dir>/<pid>-<start time>-<boot>/<id>/group   the process groups that run now, a line each: id and start time of the leader
type private struct {
	id   string // of the sandbox; the mark of its processes
	path string
}

func (p private) tmp() string   { return filepath.Join(p.path, "tmp") }
func (p private) group() string { return filepath.Join(p.path, "group") }

// newPrivate makes the directory of a sandbox, readable by this user alone.
func (p *Platform) newPrivate(id string) (private, error) {
	dir, err := p.dir()
	if err != nil {
		return private{}, err
	}
	made := private{id: id, path: filepath.Join(dir, me(), id)}
	for range 3 { // the last sandbox that closes removes the program's directory
		if err = os.MkdirAll(made.tmp(), 0o700); !errors.Is(err, fs.ErrNotExist) {
			break
		}
	}
	return made, err
}

// dir returns the absolute path of Dir. One in the system's temporary directory must be this user's own: anybody could
// have made it.
func (p *Platform) dir() (string, error) {
	if p.Dir != "" {
		return filepath.Abs(p.Dir)
	}
	dir := filepath.Join(os.TempDir(), "esm-"+strconv.Itoa(os.Getuid()))
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", err
	}
	info, err := os.Lstat(dir)
	if err != nil {
		return "", err
	}
	if stat, ok := info.Sys().(*syscall.Stat_t); !ok || !info.IsDir() || int(stat.Uid) != os.Getuid() || info.Mode().Perm()&0o077 != 0 {
		return "", fmt.Errorf("%s does not belong to this user alone", dir)
	}
	return filepath.Abs(dir)
}

// record writes down which process groups run now: a second way to find them, besides the mark of their processes.
func (p private) record(pids []int) error {
	var text strings.Builder
	for _, pid := range pids {
		text.WriteString(strconv.Itoa(pid) + " " + startTime(pid) + "\n")
	}
	return os.WriteFile(p.group(), []byte(text.String()), 0o600)
}

// remove deletes the directory, whatever a handler made of its permissions.
func (p private) remove() {
	if os.RemoveAll(p.path) != nil {
		_ = filepath.WalkDir(p.path, func(path string, d fs.DirEntry, _ error) error {
			if d != nil && d.IsDir() {
				_ = os.Chmod(path, 0o700) // RemoveAll shows whether it worked
			}
			return nil
		})
		_ = os.RemoveAll(p.path) // Sweep tries again
	}
	_ = os.Remove(filepath.Dir(p.path)) // stays while it has other sandboxes
}

// me returns a name for this program that no other on this machine ever had.
func me() string { return programName(os.Getpid()) }

func programName(pid int) string {
	return strconv.Itoa(pid) + "-" + startTime(pid) + "-" + bootID()
}

// alive reports whether the program that a directory is named for still runs; ok is false for other names.
func alive(name string) (alive, ok bool) {
	pid, err := strconv.Atoi(strings.SplitN(name, "-", 2)[0])
	if err != nil || strings.Count(name, "-") != 2 {
		return false, false
	}
	return programName(pid) == name, true
}
