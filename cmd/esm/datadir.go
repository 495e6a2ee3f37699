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
type dataDir struct {
	path string
	lock *os.File
}

// openDataDir makes path if it is missing, for the user alone, and takes it for this process. The operating system ends
// the ownership with the process, however it ends.
func openDataDir(path string) (*dataDir, error) {
	if err := os.MkdirAll(path, 0o700); err != nil {
		return nil, fmt.Errorf("data directory: %w", err)
	}
	lock, err := os.OpenFile(filepath.Join(path, "lock"), os.O_RDWR|os.O_CREATE|unix.O_CLOEXEC, 0o600)
	if err != nil {
		return nil, fmt.Errorf("data directory %s: %w", path, err)
	}
	if err := unix.Flock(int(lock.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		defer lock.Close()
		if !errors.Is(err, unix.EWOULDBLOCK) {
			return nil, fmt.Errorf("data directory %s: lock: %w", path, err)
		}
		return nil, fmt.Errorf("data directory %s is in use by process %s: stop that engine, or give this one a DataDir of its own",
			path, owner(lock))
	}
	if err := sign(lock); err != nil {
		lock.Close()
		return nil, fmt.Errorf("data directory %s: %w", path, err)
	}
	return &dataDir{path, lock}, nil
}

// sign writes this process's number, for the message that a second engine gives.
func sign(lock *os.File) error {
	if err := lock.Truncate(0); err != nil {
		return err
	}
	_, err := lock.WriteAt([]byte(fmt.Sprintln(os.Getpid())), 0)
	return err
}

func owner(lock *os.File) string {
	text, _ := io.ReadAll(io.LimitReader(lock, 32))
	if pid := strings.TrimSpace(string(text)); pid != "" {
		return pid
	}
	return "unknown"
}

func (d *dataDir) Close() error { return d.lock.Close() }
