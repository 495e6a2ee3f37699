// Package datadir opens an engine's data directory: its lock and, for commands that work while no engine runs, its store and
// mappings.
package datadir

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// Dir is a locked data directory. One process owns it at a time.
type Dir struct{ lock *os.File }

// Open creates path with mode 0700 if it does not exist, and locks it for this process. The operating system releases the
// lock at any end of the process, including a kill.
func Open(path string) (*Dir, error) {
	d, err := lock(path)
	if err != nil {
		return nil, fmt.Errorf("data directory %s: %w", path, err)
	}
	return d, nil
}

func lock(path string) (*Dir, error) {
	if err := os.MkdirAll(path, 0o700); err != nil {
		return nil, err
	}
	file, err := os.OpenFile(filepath.Join(path, "lock"), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	if err := unix.Flock(int(file.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		defer file.Close()
		if errors.Is(err, unix.EWOULDBLOCK) {
			return nil, fmt.Errorf("in use by process %s: stop that engine, or name another DataDir", owner(file))
		}
		return nil, fmt.Errorf("lock: %w", err)
	}
	if err := writePID(file); err != nil {
		file.Close()
		return nil, err
	}
	return &Dir{file}, nil
}

// Close releases the lock.
func (d *Dir) Close() error { return d.lock.Close() }

// writePID writes the process id for the error message of a second engine.
func writePID(lock *os.File) error {
	if err := lock.Truncate(0); err != nil {
		return err
	}
	_, err := lock.WriteAt(fmt.Appendln(nil, os.Getpid()), 0)
	return err
}

// owner returns the process id of the owner, or "unknown" if it has not written it yet.
func owner(lock *os.File) string {
	text, _ := io.ReadAll(io.LimitReader(lock, 32))
	if pid := strings.TrimSpace(string(text)); pid != "" {
		return pid
	}
	return "unknown"
}
