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

// Sweep ends what programs that were killed have left behind in Dir: every process of their environments, those that
// left their process group too, and their files. Programs that still run are left alone. It is called before the first
// Start, may take a second, and returns an error when something could not be ended or removed.
//
// On macOS it finds a process group only while its leader lives.
func (s *Starter) Sweep() error {
	dir, err := s.dir()
	if err != nil {
		return fmt.Errorf("process: sweep: %w", err)
	}
	programs, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("process: sweep: %w", err)
	}
	var failed error
	for _, p := range programs {
		if runs, ok := alive(p.Name()); ok && !runs && p.IsDir() {
			failed = errors.Join(failed, sweepProgram(filepath.Join(dir, p.Name())))
		}
	}
	if failed != nil {
		return fmt.Errorf("process: sweep: %w", failed)
	}
	return nil
}

func sweepProgram(path string) error {
	environments, err := os.ReadDir(path)
	if err != nil {
		return err
	}
	sameBoot := strings.HasSuffix(path, "-"+bootID())
	ids := map[string]bool{}
	for _, e := range environments {
		p := private{id: e.Name(), path: filepath.Join(path, e.Name())}
		ids[p.id] = true
		if sameBoot {
			p.killGroup()
		}
	}
	if sameBoot && len(ids) > 0 && !killMarked(ids) {
		return fmt.Errorf("%s: some processes cannot be ended", path)
	}
	for id := range ids {
		private{id: id, path: filepath.Join(path, id)}.remove()
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// killGroup kills the group on record if its leader is still the process that it was.
func (p private) killGroup() {
	text, err := os.ReadFile(p.group())
	if err != nil {
		return // no process was started
	}
	number, since, _ := strings.Cut(string(text), " ")
	pid, err := strconv.Atoi(number)
	if err == nil && pid > 1 && since != "" && startTime(pid) == since {
		_ = syscall.Kill(-pid, syscall.SIGKILL) // an error says that nobody is left
	}
}
