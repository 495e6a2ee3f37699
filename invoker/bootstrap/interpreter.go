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

// interpreter is an installed interpreter.
type interpreter struct {
	path    string // absolute, and not a shim
	version string
}

// find looks on PATH for the interpreter of a version, or for another that is new enough.
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

// ask runs an interpreter to get its path and version. The one on PATH may be the shim of a version manager, which works
// neither in every directory nor with a handler's environment, and slows each start.
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
		return interpreter{}, fmt.Errorf("%s: did not print its path and version", name)
	}
	return interpreter{path: path, version: version}, nil
}
