package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// dataDir is the directory in which an engine keeps what must outlive it. One engine owns it at a time.
type dataDir struct{ lock *os.File }

// openDataDir makes path if it is missing, for the user alone, and takes it for this process. The operating system ends
// the ownership with the process, however it ends.
func openDataDir(path string) (*dataDir, error) {
	d, err := takeDataDir(path)
	if err != nil {
		return nil, fmt.Errorf("data directory %s: %w", path, err)
	}
	return d, nil
}

func takeDataDir(path string) (*dataDir, error) {
	if err := os.MkdirAll(path, 0o700); err != nil {
		return nil, err
	}
	lock, err := os.OpenFile(filepath.Join(path, "lock"), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	if err := unix.Flock(int(lock.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		defer lock.Close()
		if errors.Is(err, unix.EWOULDBLOCK) {
			return nil, fmt.Errorf("in use by process %s: stop that engine, or name another DataDir", owner(lock))
		}
		return nil, fmt.Errorf("lock: %w", err)
	}
	if err := sign(lock); err != nil {
		lock.Close()
		return nil, err
	}
	return &dataDir{lock}, nil
}

// Close lets the next engine have the directory.
func (d *dataDir) Close() error { return d.lock.Close() }

// sign writes this process's number, for the message that a second engine gives.
func sign(lock *os.File) error {
	if err := lock.Truncate(0); err != nil {
		return err
	}
	_, err := lock.WriteAt(fmt.Appendln(nil, os.Getpid()), 0)
	return err
}

// owner is the number that the owner wrote, unless it has not yet.
func owner(lock *os.File) string {
	text, _ := io.ReadAll(io.LimitReader(lock, 32))
	if pid := strings.TrimSpace(string(text)); pid != "" {
		return pid
	}
	return "unknown"
}
