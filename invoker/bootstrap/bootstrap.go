// Package bootstrap provides the commands that run plain Python and Node.js handlers: a file with a function in it, as for
// Lambda's managed runtimes.
//
// It contains two small runtime interface clients, one for Python (3.8 and later, standard library only) and one for
// Node.js (18 and later). It writes them to disk, finds an interpreter and returns the command that runs a handler. The
// caller starts the command and serves the Runtime API.
//
// The clients follow Lambda's managed runtimes in the handler's name and where its module is searched for, the context
// object, the format of logging and console in text and JSON (AWS_LAMBDA_LOG_FORMAT and AWS_LAMBDA_LOG_LEVEL), the bodies
// of errors of Init and invocations, the exit codes, _X_AMZN_TRACE_ID, and for Node.js in response streaming
// (awslambda.streamifyResponse and awslambda.HttpResponseStream).
//
// They differ in that nothing is installed beside the handler (Lambda's runtimes come with boto3 and the AWS SDK for
// JavaScript), and a process is not frozen between invocations.
package bootstrap

import (
	"embed"
	"fmt"
	"path/filepath"
	"sync"

	"github.com/esm-run/esm/config"
)

// The pattern for Python has files, because of a directory those that begin with "_" are left out.
//
//go:embed python/*.py python/esm_bootstrap/*.py node/*.mjs
var files embed.FS

// Bootstraps finds the commands that run handlers. Methods may be called concurrently.
type Bootstraps struct {
	// Dir is the directory of the clients' files. It is created if needed, and must not be used for anything else.
	Dir string

	mu      sync.Mutex
	laidOut bool
	found   map[string]interpreter // by runtime
}

// Command returns the command that runs fn's handler in fn.CodeUri, and its environment variables, to which the caller
// adds AWS_LAMBDA_RUNTIME_API (host:port), LAMBDA_TASK_ROOT and the function's own. If AWS_LAMBDA_EXEC_WRAPPER is among
// the function's variables, that script wraps the command (AWS: "Modifying the runtime environment").
//
// The first call for a runtime looks for an interpreter on PATH and asks it for its version, which takes some
// milliseconds and at most ten seconds. If there is none of the version in fn.Runtime, another is used; see Note.
//
// The error is an *Invalid if fn.Runtime is not supported, and otherwise says what to install.
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

// Note returns a text about an interpreter whose version differs from fn.Runtime, or "" if Command finds the exact version
// or none.
func (b *Bootstraps) Note(fn config.Function) string {
	_, asked, _ := languageOf(fn.Runtime)
	lang, with, err := b.interpreter(fn.Runtime)
	if err != nil || with.version == asked {
		return ""
	}
	return fmt.Sprintf("%s runs with %s %s (%s)", fn.Runtime, lang.title, with.version, with.path)
}

// layOut writes the embedded files, once, and returns the directory's absolute path. It leaves identical files alone, so
// that they do not change under a running handler.
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

// interpreter finds the interpreter of a runtime, and remembers it. It does not remember errors: the interpreter may be
// installed meanwhile.
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
