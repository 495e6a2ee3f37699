package bootstrap

import (
	"context"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

const probeTimeout = 10 * time.Second

// interpreter is what handlers of a runtime are run with.
type interpreter struct {
	path    string // of the interpreter itself, absolute
	version string
}

// find looks on PATH for the interpreter of a version, or for another that will do.
func (l language) find(version string) (interpreter, error) {
	var tried []string
	for _, name := range l.commands(version) {
		with, err := l.ask(name)
		switch {
		case err != nil:
			tried = append(tried, err.Error())
		case older(with.version, l.oldest):
			tried = append(tried, fmt.Sprintf("%s is version %s", with.path, with.version))
		default:
			return with, nil
		}
	}
	return interpreter{}, fmt.Errorf("install %s %s (or any from %s on): %s", l.title, version, l.oldest, strings.Join(tried, "; "))
}

// ask runs an interpreter to learn its own path and version. What PATH holds may be the shim of a version manager,
// which works neither in every directory nor with a handler's environment, and costs time at each start.
func (l language) ask(name string) (interpreter, error) {
	ctx, cancel := context.WithTimeout(context.Background(), probeTimeout)
	defer cancel()
	cmd := exec.CommandContext(ctx, name, l.probe...)
	cmd.WaitDelay = time.Second
	out, err := cmd.Output()
	if err != nil {
		return interpreter{}, fmt.Errorf("%s: %w", name, err)
	}
	path, version, _ := strings.Cut(strings.TrimSpace(string(out)), "\n")
	if !filepath.IsAbs(path) || lastNumber(version) < 0 {
		return interpreter{}, fmt.Errorf("%s: does not tell its path and version", name)
	}
	return interpreter{path: path, version: version}, nil
}
