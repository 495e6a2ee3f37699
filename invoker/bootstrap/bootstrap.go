// Package bootstrap starts plain Python and Node.js handlers: a file with a function in it, as Lambda's managed runtimes
// take it, needs no runtime interface client of its own.
//
// It carries two small runtime interface clients, one for Python (3.8 and later, standard library only) and one for
// Node.js (18 and later), lays them out on disk, finds an interpreter and says with which command a handler is started.
// Starting it, and serving the Runtime API to it, is the caller's affair.
//
// What the two clients do, and where they follow Lambda's managed runtimes: the handler's name and where its module is
// looked for, the context object, the format of logging and console in text and JSON (AWS_LAMBDA_LOG_FORMAT and
// AWS_LAMBDA_LOG_LEVEL), the bodies of errors at initialisation and in an invocation, the exit codes, _X_AMZN_TRACE_ID.
//
// Where they do not: nothing is installed beside the handler (Lambda's runtimes come with boto3 and the AWS SDK for
// JavaScript), a process goes on running between invocations instead of being frozen, and a response cannot be streamed.
package bootstrap

import (
	"embed"
	"fmt"
	"path/filepath"
	"sync"

	"github.com/esm-run/esm/config"
)

// The pattern for Python names files because a directory's files that begin with "_" would be left out.
//
//go:embed python/*.py python/esm_bootstrap/*.py node/*.mjs
var files embed.FS

// Bootstraps knows how to start handlers. Its zero value needs a Dir. All methods may be called side by side.
type Bootstraps struct {
	// Dir is where the clients' files are laid out. It is made when it is missing, and belongs to this program.
	Dir string

	mu      sync.Mutex
	laidOut bool
	found   map[string]interpreter // by runtime
}

// Command says how to start a handler of fn: the command and the environment variables that go with it, to which the
// caller adds AWS_LAMBDA_RUNTIME_API (host:port), LAMBDA_TASK_ROOT and the function's own. The command runs in
// fn.CodeUri. A function with AWS_LAMBDA_EXEC_WRAPPER among its variables has its command wrapped by that script (AWS:
// "Modifying the runtime environment").
//
// The first call for a runtime looks for an interpreter on PATH and asks it for its version, which takes some
// milliseconds and at most ten seconds. An interpreter of another version than fn.Runtime says is taken if the exact
// one is not there; Note tells.
//
// It returns an *Invalid when fn.Runtime is one that is not supported, and an error that says what to install when
// there is no interpreter.
func (b *Bootstraps) Command(fn config.Function) (argv []string, env map[string]string, err error) {
	lang, with, err := b.interpreter(fn.Runtime)
	if err != nil {
		return nil, nil, err
	}
	dir, err := b.layOut()
	if err != nil {
		return nil, nil, fmt.Errorf("bootstrap: lay out %s: %w", b.Dir, err)
	}
	if wrapper := fn.Environment.Variables["AWS_LAMBDA_EXEC_WRAPPER"]; wrapper != "" {
		argv = append(argv, wrapper)
	}
	argv = append(argv, with.path)
	argv = append(argv, lang.flags...)
	argv = append(argv, filepath.Join(dir, filepath.FromSlash(lang.entry)))
	return argv, map[string]string{
		"_HANDLER":           fn.Handler,
		"AWS_EXECUTION_ENV":  "AWS_Lambda_" + fn.Runtime,
		"LAMBDA_RUNTIME_DIR": filepath.Dir(argv[len(argv)-1]),
	}, nil
}

// Note tells, for people, how what Command starts differs from what fn asks for; it is empty when it does not, or when
// Command would return an error.
func (b *Bootstraps) Note(fn config.Function) string {
	_, asked, _ := languageOf(fn.Runtime)
	lang, with, err := b.interpreter(fn.Runtime)
	if err != nil || with.version == asked {
		return ""
	}
	return fmt.Sprintf("%s runs with %s %s (%s)", fn.Runtime, lang.title, with.version, with.path)
}

// layOut writes the embedded files, once, and gives the directory's absolute path. Files that are there already and
// are the same are left alone, so that a running handler never sees one change for no reason.
func (b *Bootstraps) layOut() (string, error) {
	dir, err := filepath.Abs(b.Dir)
	if err != nil {
		return "", err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.laidOut {
		return dir, nil
	}
	if err := writeAll(files, dir); err != nil {
		return "", err
	}
	b.laidOut = true
	return dir, nil
}

// interpreter finds what runs a runtime, and remembers it. Failures are not remembered: it may be installed meanwhile.
func (b *Bootstraps) interpreter(runtime string) (language, interpreter, error) {
	lang, version, err := languageOf(runtime)
	if err != nil {
		return language{}, interpreter{}, err
	}
	b.mu.Lock()
	with, ok := b.found[runtime]
	b.mu.Unlock()
	if ok {
		return lang, with, nil
	}
	with, err = lang.find(version)
	if err != nil {
		return language{}, interpreter{}, fmt.Errorf("bootstrap: %s: %w", runtime, err)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.found == nil {
		b.found = make(map[string]interpreter)
	}
	b.found[runtime] = with
	return lang, with, nil
}
