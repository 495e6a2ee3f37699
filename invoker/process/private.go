package process

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// private is the directory of one environment. Those of one program lie in a directory whose name says which program it
// is, so that Sweep can tell whether it still runs:
//
//	<Dir>/<pid>-<start time>-<boot>/<id>/tmp     temporary files
//	<Dir>/<pid>-<start time>-<boot>/<id>/group   the process group that runs now, and the start time of its leader
type private struct {
	id   string // 32 hexadecimal digits; the environment's mark on its processes
	path string
}

func (p private) tmp() string   { return filepath.Join(p.path, "tmp") }
func (p private) group() string { return filepath.Join(p.path, "group") }

// newPrivate makes the directory of an environment, readable by this user alone.
func (s *Starter) newPrivate() (private, error) {
	dir, err := s.dir()
	if err != nil {
		return private{}, err
	}
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails
	id := fmt.Sprintf("%x", b)
	p := private{id: id, path: filepath.Join(dir, me(), id)}
	for range 3 { // an environment that closes takes the program's directory with it, if it is the last
		if err = os.MkdirAll(p.tmp(), 0o700); !errors.Is(err, fs.ErrNotExist) {
			break
		}
	}
	return p, err
}

// dir is the absolute path of Dir. One in the system's temporary directory must be this user's own: anybody could have
// made it.
func (s *Starter) dir() (string, error) {
	if s.Dir != "" {
		return filepath.Abs(s.Dir)
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

// record notes which process group runs now. It is a second way to find it, besides the mark on its processes.
func (p private) record(pid int) error {
	return os.WriteFile(p.group(), []byte(strconv.Itoa(pid)+" "+startTime(pid)), 0o600)
}

// remove deletes the directory, whatever a handler made of its permissions.
func (p private) remove() {
	if os.RemoveAll(p.path) != nil {
		_ = filepath.WalkDir(p.path, func(path string, d fs.DirEntry, _ error) error {
			if d != nil && d.IsDir() {
				_ = os.Chmod(path, 0o700) // RemoveAll tells
			}
			return nil
		})
		_ = os.RemoveAll(p.path) // Sweep tries again
	}
	_ = os.Remove(filepath.Dir(p.path)) // stays while other environments live in it
}

// me names this program among all that ever ran on this machine.
func me() string { return programName(os.Getpid()) }

func programName(pid int) string {
	return strconv.Itoa(pid) + "-" + startTime(pid) + "-" + bootID()
}

// alive reports whether the program of a directory's name still runs; ok is false for other names.
func alive(name string) (alive, ok bool) {
	pid, err := strconv.Atoi(strings.SplitN(name, "-", 2)[0])
	if err != nil || strings.Count(name, "-") != 2 {
		return false, false
	}
	return programName(pid) == name, true
}
