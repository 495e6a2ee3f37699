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

// Invalid is an error in a function's description.
type Invalid struct {
	Field  string // the key that is wrong: Runtime, Handler or CodeUri
	Reason string // with the remedy
}

func (e *Invalid) Error() string { return e.Field + ": " + e.Reason }

// Check validates fn's Runtime, Handler and CodeUri without starting anything: the runtime is supported, CodeUri is a
// directory, the handler is of the form module.function, and the module's file exists. It does not look for an
// interpreter.
//
// The error joins one *Invalid for each finding. Check returns nil for a provided.* runtime. It does not look for the file
// if there are other places for it: layers, or those that the function's variables name (PYTHONPATH, NODE_PATH).
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
	if len(found) == 0 && fn.Environment.Variables[lang.pathVar] == "" && len(fn.Layers) == 0 && !slices.ContainsFunc(candidates, isIn(fn.CodeUri)) {
		found = append(found, &Invalid{"Handler", fmt.Sprintf("%s: there is no file %s", fn.Handler, filepath.Join(fn.CodeUri, candidates[0]))})
	}
	return errors.Join(found...)
}

// isIn returns a function that reports whether a file or directory under dir matches pattern.
func isIn(dir string) func(pattern string) bool {
	return func(pattern string) bool {
		matches, err := filepath.Glob(filepath.Join(escapeGlob(dir), pattern))
		return err == nil && len(matches) > 0
	}
}

func escapeGlob(path string) string {
	return strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`).Replace(path)
}

// pythonModules returns where the module of a handler may be, as glob patterns relative to CodeUri, the most likely first.
// Both dots and slashes separate packages (AWS: "Define Lambda function handler in Python").
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

// nodeModules is pythonModules for Node.js: the first dot of the last element ends the module, and the rest may be a path
// into its exports (AWS: "Define Lambda function handler in Node.js").
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
