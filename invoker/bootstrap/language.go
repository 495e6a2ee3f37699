package bootstrap

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// language describes the supported runtimes of one language.
type language struct {
	title    string
	runtime  *regexp.Regexp                // a Runtime; its group is the version
	oldest   string                        // version that the client runs on
	commands func(version string) []string // interpreters by name, the best first
	probe    []string                      // arguments that make it print its path and its version, a line each
	flags    []string                      // between the interpreter and entry
	entry    string                        // among the embedded files
	modules  func(handler string) ([]string, error)
	pathVar  string // the variable that lists other places of modules
}

var languages = []language{{
	title:    "Python",
	runtime:  regexp.MustCompile(`^python(3\.[0-9]+)$`),
	oldest:   "3.8",
	commands: func(version string) []string { return []string{"python" + version, "python3", "python"} },
	probe:    []string{"-I", "-c", `import sys; print(sys.executable); print("%d.%d" % sys.version_info[:2])`},
	flags:    []string{"-u"}, // unbuffered: output must not be lost when a handler is killed
	entry:    "python/bootstrap.py",
	modules:  pythonModules,
	pathVar:  "PYTHONPATH",
}, {
	title:    "Node.js",
	runtime:  regexp.MustCompile(`^nodejs([0-9]+)\.x$`),
	oldest:   "18",
	commands: func(string) []string { return []string{"node", "nodejs"} },
	probe:    []string{"-p", `process.execPath + "\n" + process.versions.node.split(".")[0]`},
	entry:    "node/bootstrap.mjs",
	modules:  nodeModules,
	pathVar:  "NODE_PATH",
}}

// languageOf returns the language and the version of a Runtime. Its error says what to do instead.
func languageOf(runtime string) (lang language, version string, err error) {
	for _, lang := range languages {
		match := lang.runtime.FindStringSubmatch(runtime)
		if match == nil {
			continue
		}
		if older(match[1], lang.oldest) {
			return language{}, "", &Invalid{"Runtime", fmt.Sprintf("%s is too old: %s %s is the oldest that is supported",
				runtime, lang.title, lang.oldest)}
		}
		return lang, match[1], nil
	}
	if isProvided(runtime) {
		return language{}, "", &Invalid{"Runtime", runtime + " runs the function's own bootstrap file"}
	}
	return language{}, "", &Invalid{"Runtime", fmt.Sprintf("%q is not supported, only python3.x, nodejs*.x and provided.* "+
		"are: give a Command that runs the handler with the runtime interface client of its language", runtime)}
}

func isProvided(runtime string) bool {
	return runtime == "provided" || strings.HasPrefix(runtime, "provided.")
}

// older compares versions of one language by their last numbers; the rest is the same.
func older(version, than string) bool {
	return lastNumber(version) < lastNumber(than)
}

func lastNumber(version string) int {
	n, err := strconv.Atoi(version[strings.LastIndex(version, ".")+1:])
	if err != nil {
		return -1
	}
	return n
}
