package bootstrap

import (
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/esm-run/esm/config"
)

// Invalid is one thing that is wrong with a function's description.
type Invalid struct {
	Field  string // the key that is wrong: Runtime, Handler or CodeUri
	Reason string // for people, with the remedy
}

func (e *Invalid) Error() string { return e.Field + ": " + e.Reason }

// Check tells what is wrong with fn's Runtime, Handler and CodeUri as far as that can be seen without starting
// anything: the runtime is supported, CodeUri is a directory, the handler is of the form module.function and the
// module's file is there. Whether an interpreter is installed is Command's affair.
//
// The error joins one *Invalid for each finding. A provided.* runtime is not judged here: Check returns nil. The file
// is not looked for when the function's variables name other places (PYTHONPATH, NODE_PATH).
func Check(fn config.Function) error {
	if isProvided(fn.Runtime) {
		return nil
	}
	var found []error
	lang, _, err := languageOf(fn.Runtime)
	if err != nil {
		found = append(found, err)
	}
	info, err := os.Stat(fn.CodeUri)
	switch {
	case fn.CodeUri == "":
		found = append(found, &Invalid{"CodeUri", "is missing: give the directory that holds the handler's file"})
	case err != nil:
		found = append(found, &Invalid{"CodeUri", err.Error()})
	case !info.IsDir():
		found = append(found, &Invalid{"CodeUri", fn.CodeUri + " is not a directory; unpack an archive first"})
	}
	if lang.modules == nil {
		return errors.Join(found...)
	}
	candidates, err := lang.modules(fn.Handler)
	if err != nil {
		found = append(found, err)
	}
	if len(found) == 0 && fn.Environment.Variables[lang.pathVar] == "" && !slices.ContainsFunc(candidates, isIn(fn.CodeUri)) {
		found = append(found, &Invalid{"Handler", fmt.Sprintf("%s: %s is not there", fn.Handler, filepath.Join(fn.CodeUri, candidates[0]))})
	}
	return errors.Join(found...)
}

// isIn makes a predicate: is there a file or directory that matches pattern under dir?
func isIn(dir string) func(pattern string) bool {
	return func(pattern string) bool {
		matches, err := filepath.Glob(filepath.Join(escapeGlob(dir), pattern))
		return err == nil && len(matches) > 0
	}
}

func escapeGlob(path string) string {
	return strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`).Replace(path)
}

// pythonModules lists where the module of a handler may be, as glob patterns relative to CodeUri, the likeliest first.
// Dots and slashes both part packages (AWS: "Define Lambda function handler in Python").
func pythonModules(handler string) ([]string, error) {
	at := strings.LastIndex(handler, ".")
	if at < 0 {
		return nil, malformed(handler)
	}
	module, function := strings.ReplaceAll(handler[:at], ".", "/"), handler[at+1:]
	if function == "" || strings.Contains(function, "/") || slices.Contains(strings.Split(module, "/"), "") {
		return nil, malformed(handler)
	}
	module = escapeGlob(module)
	return []string{module + ".py", module + "/__init__.py", module + ".pyc", module + ".so", module + ".*.so"}, nil
}

// nodeModules is pythonModules for Node.js: the first dot of the last element ends the module, and what follows may
// be a path into what it exports (AWS: "Define Lambda function handler in Node.js").
func nodeModules(handler string) ([]string, error) {
	dir, base := path.Split(handler)
	module, function, ok := strings.Cut(base, ".")
	if !ok || module == "" || function == "" || strings.Contains(handler, "..") {
		return nil, malformed(handler)
	}
	module = escapeGlob(module)
	file := path.Join(escapeGlob(dir), module)
	var found []string
	for _, extension := range []string{".js", ".mjs", ".cjs", ".ts", ".mts", ".cts", ""} {
		found = append(found, file+extension)
	}
	return append(found, path.Join("node_modules", module), path.Join(escapeGlob(dir), "node_modules", module)), nil
}

func malformed(handler string) error {
	if handler == "" {
		return &Invalid{"Handler", "is missing: it is module.function, for example app.handler"}
	}
	return &Invalid{"Handler", fmt.Sprintf("%q is not of the form module.function, for example app.handler", handler)}
}
