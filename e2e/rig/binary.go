package rig

import (
	"fmt"
	"hash/fnv"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
)

// Command returns the path of the esm binary, which is built first. All test packages of a run share one build.
func Command(t testing.TB) string {
	t.Helper()
	return filepath.Join(binaries(t), "esm")
}

// handlerCommand returns the path of the handler that forwards events to tests.
func handlerCommand(t testing.TB) string {
	t.Helper()
	return filepath.Join(binaries(t), "handler")
}

func binaries(t testing.TB) string {
	t.Helper()
	dir, err := build()
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

// build builds what the tests run into a directory of this module's own. Where the result is up to date, go build
// leaves it as it is, so that only the first of several test processes links it.
var build = sync.OnceValues(func() (dir string, err error) {
	root, err := Root()
	if err != nil {
		return "", err
	}
	if err := readSources(root); err != nil {
		return "", err
	}
	name := fnv.New32a()
	name.Write([]byte(root))
	if dir, err = sharedDir(fmt.Sprintf("%08x", name.Sum32())); err != nil {
		return "", err
	}
	unlock, err := lockFile(filepath.Join(dir, "lock"), exclusive)
	if err != nil {
		return "", err
	}
	defer unlock()
	cmd := exec.Command("go", "build", "-o", dir+string(filepath.Separator), "./cmd/esm", "./e2e/rig/handler")
	cmd.Dir = root
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("go build: %w\n%s", err, out)
	}
	return dir, nil
})

// Root returns the directory of the module.
func Root() (string, error) {
	dir, err := os.Getwd()
	for err == nil {
		if _, missing := os.Stat(filepath.Join(dir, "go.mod")); missing == nil {
			return dir, nil
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return "", fmt.Errorf("no go.mod in the working directory or above it")
		}
		dir = parent
	}
	return "", err
}

// readSources looks at every source file, which go test notices: it runs a test again when a file that the test looked
// at has changed, also one that only the binary is built from.
func readSources(root string) error {
	kinds := []string{".go", ".mod", ".sum", ".py", ".js", ".mjs", ".yaml"}
	return filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && (strings.HasPrefix(d.Name(), ".") && path != root || d.Name() == "build"): // build is an example's packages
			return fs.SkipDir
		case !d.IsDir() && slices.Contains(kinds, filepath.Ext(path)):
			_, err = os.Stat(path)
		}
		return err
	})
}

// sharedDir returns a directory that all test processes of this user share.
func sharedDir(name string) (string, error) {
	dir := filepath.Join(os.TempDir(), fmt.Sprint("esm-e2e-", os.Getuid()), name)
	return dir, os.MkdirAll(dir, 0o700)
}

// Run runs an esm command to its end.
func Run(t testing.TB, args ...string) (stdout, stderr string, code int) {
	t.Helper()
	cmd := exec.Command(Command(t), args...)
	var out, errs Output
	cmd.Stdout, cmd.Stderr = &out, &errs
	_ = cmd.Run()
	return out.String(), errs.String(), cmd.ProcessState.ExitCode()
}
