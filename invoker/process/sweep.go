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

// Sweep removes what killed programs have left behind in Dir: every process of their sandboxes, those that left their
// process group too, and their files. Programs that still run are left alone. It is called before the first sandbox is
// made, may take a second, and returns an error if something could not be killed or removed.
//
// On macOS it finds a process group only while its leader lives.
func (p *Platform) Sweep() error {
	dir, err := p.dir()
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
	for _, entry := range programs {
		if runs, ok := alive(entry.Name()); ok && !runs && entry.IsDir() {
			failed = errors.Join(failed, sweepProgram(filepath.Join(dir, entry.Name())))
		}
	}
	if failed != nil {
		return fmt.Errorf("process: sweep: %w", failed)
	}
	return nil
}

func sweepProgram(path string) error {
	sandboxes, err := os.ReadDir(path)
	if err != nil {
		return err
	}
	sameBoot := strings.HasSuffix(path, "-"+bootID())
	ids := map[string]bool{}
	for _, e := range sandboxes {
		p := private{id: e.Name(), path: filepath.Join(path, e.Name())}
		ids[p.id] = true
		if sameBoot {
			p.killGroups()
		}
	}
	if sameBoot && len(ids) > 0 && !killMarked(ids) {
		return fmt.Errorf("%s: some processes cannot be killed", path)
	}
	for id := range ids {
		private{id: id, path: filepath.Join(path, id)}.remove()
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// killGroups kills the recorded groups whose leaders are still the same processes.
func (p private) killGroups() {
	text, err := os.ReadFile(p.group())
	if err != nil {
		return // no process was started
	}
	for line := range strings.Lines(string(text)) {
		number, since, _ := strings.Cut(strings.TrimSpace(line), " ")
		pid, err := strconv.Atoi(number)
		if err == nil && pid > 1 && since != "" && startTime(pid) == since {
			_ = syscall.Kill(-pid, syscall.SIGKILL) // an error means that the group is empty
		}
	}
}
