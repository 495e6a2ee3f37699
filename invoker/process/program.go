package process

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"github.com/esm-run/esm/config"
	"github.com/esm-run/esm/invoker/runtimeapi"
)

// program is the command that runs a function.
type program struct {
	argv []string
	dir  string            // where it runs; absolute
	env  map[string]string // variables that it needs; they win over the function's own
}

// program returns what runs fn. The error is a *runtimeapi.Failure where Lambda would answer with one.
func (p *Platform) program(fn config.Function) (program, error) {
	dir, err := filepath.Abs(fn.CodeUri)
	if err != nil {
		return program{}, err
	}
	if err := canEnter(dir); err != nil {
		return program{}, &runtimeapi.Failure{Type: "Runtime.InvalidWorkingDir", Text: err.Error()}
	}
	found := program{dir: dir}
	switch {
	case len(fn.Command) > 0:
		found.argv = fn.Command
	case strings.HasPrefix(fn.Runtime, "provided"):
		found.argv, err = provided(dir, fn.Layers)
	case p.Bootstrap != nil:
		found.argv, found.env, err = p.Bootstrap(fn)
	default:
		err = fmt.Errorf("no way to run the runtime %q is known", fn.Runtime)
	}
	if err == nil && len(found.argv) == 0 {
		err = errors.New("the command is empty")
	}
	switch {
	case err == nil:
		return found, nil
	case machineFault(err):
		return program{}, err
	default:
		return program{}, runtimeapi.InvalidEntrypoint(err.Error())
	}
}

func canEnter(dir string) error {
	info, err := os.Stat(dir)
	if at, ok := errors.AsType[*fs.PathError](err); ok {
		return &fs.PathError{Op: "chdir", Path: dir, Err: at.Err}
	}
	if err == nil && !info.IsDir() {
		return &fs.PathError{Op: "chdir", Path: dir, Err: syscall.ENOTDIR}
	}
	return err
}

// provided returns the command of the OS-only runtimes: the executable file "bootstrap" in the code's directory or, if there
// is none, in a layer.
func provided(dir string, layers []string) ([]string, error) {
	var tried []string
	for _, in := range append([]string{dir}, lastFirst(layers)...) {
		path := filepath.Join(in, "bootstrap")
		if info, err := os.Stat(path); err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0 {
			return []string{path}, nil
		}
		tried = append(tried, path)
	}
	//lint:ignore ST1005 these are Lambda's words
	return nil, fmt.Errorf("Couldn't find valid bootstrap(s): [%s]", strings.Join(tried, " "))
}

// find resolves a command's name as execvp would in the new process: names without a slash by path, the value of the new
// process's PATH, others against dir.
func find(name, dir, path string) (string, error) {
	if strings.Contains(name, "/") {
		if !filepath.IsAbs(name) {
			name = filepath.Join(dir, name)
		}
		return name, nil
	}
	for _, in := range filepath.SplitList(path) {
		if !filepath.IsAbs(in) {
			in = filepath.Join(dir, in)
		}
		file := filepath.Join(in, name)
		if info, err := os.Stat(file); err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0 {
			return file, nil
		}
	}
	return "", runtimeapi.InvalidEntrypoint(fmt.Sprintf("exec: %q: executable file not found in PATH", name))
}

// machineFault reports whether err is the machine's and passes without a change of the function: no room for another
// process or file, a disk that fails.
func machineFault(err error) bool {
	return slices.ContainsFunc([]syscall.Errno{
		syscall.EAGAIN, syscall.ENOMEM, syscall.EMFILE, syscall.ENFILE,
		syscall.ENOSPC, syscall.EDQUOT, syscall.EROFS, syscall.EIO,
	}, func(fault syscall.Errno) bool { return errors.Is(err, fault) })
}

// launchError returns err for a machine that has no room for another process, and otherwise the failure of a function
// whose command cannot be run.
func launchError(err error) error {
	if machineFault(err) {
		return err
	}
	failure := runtimeapi.InvalidEntrypoint(err.Error())
	if at, ok := errors.AsType[*fs.PathError](err); ok && errors.Is(err, fs.ErrNotExist) {
		if _, err := os.Stat(at.Path); err == nil {
			return fmt.Errorf("%w (the file is there, the interpreter in its first line is not)", failure)
		}
	}
	return failure
}
