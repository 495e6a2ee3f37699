package esm_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/esm-run/esm"

// vocabulary are the packages that every other package may import: contracts, configuration and trace events. They import
// the standard library and each other only.
var vocabulary = []string{"", "config", "trace"}

// mayImport lists which packages of the project a package may import besides the vocabulary, by first directory. A new
// directory needs a line here. A package with a line of its own follows that.
var mayImport = map[string][]string{
	"":             nil,
	"config":       nil,
	"trace":        nil,
	"awserr":       {},
	"engine":       {"engine"},
	"sources":      {"sources", "awserr"},
	"checkpoint":   {"checkpoint"},
	"destinations": {"awserr"},
	"subscriber":   {},
	"invoker":      {"invoker"},
	"mappings":     {},
	"api":          {"mappings"},
	"awshttp":      {},
	"chaos":        {},
	"localstack":   {"localstack"},
	"e2e":          {"e2e", "localstack", "awshttp", "invoker"}, // to clean up at the Docker daemon
	"examples":     {},

	"chaos/chaostest": {"chaos", "engine", "sources", "checkpoint"},

	"cmd": {"engine", "sources", "checkpoint", "destinations", "subscriber", "invoker", "mappings", "api", "awshttp", "localstack", "cmd"},
}

// notInPolicy are standard packages that decisions must not import: their caller passes values and the time.
var notInPolicy = []string{"context", "os", "net", "net/http", "sync", "log", "log/slog", "math/rand", "math/rand/v2"}

// separate are directories whose packages stand beside each other, such as implementations of one contract, and must not
// import each other. They may import the directory's own package, its suite of tests, packages below its internal directory, and those listed in foundations.
var separate = []string{"engine", "sources", "destinations", "checkpoint", "invoker"}

// foundations are packages in separate directories that the others are built on.
var foundations = map[string][]string{
	"engine":  {"policy", "filter", "retry"},
	"invoker": {"lifecycle", "runtimeapi", "telemetry"},
}

// layers are the packages of the command from the lowest up. A package may import those of lower layers. A new one needs a
// place here.
var layers = [][]string{
	{"awsclient", "configfile", "observe", "usage"},
	{"httpserver", "logging", "provision", "settings", "wiring"},
	{"datadir", "events", "invoke", "logs", "startup", "status"},
	{"position", "running", "undelivered"},
}

type pkg struct {
	ImportPath string
	Imports    []string
	Standard   bool
}

// TestImportsRunOneWay checks the imports of files that are not tests, as they are on each system that the engine runs on.
func TestImportsRunOneWay(t *testing.T) {
	for _, system := range []string{"linux", "darwin"} {
		t.Run(system, func(t *testing.T) { checkImports(t, system) })
	}
}

func checkImports(t *testing.T, system string) {
	list := exec.Command("go", "list", "-json=ImportPath,Imports", "./...")
	list.Env = append(os.Environ(), "GOOS="+system, "CGO_ENABLED=0")
	out, err := list.Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	for dec := json.NewDecoder(bytes.NewReader(out)); ; {
		var p pkg
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		check(t, p)
	}
}

func check(t *testing.T, p pkg) {
	t.Helper()
	room := roomOf(p.ImportPath)
	allowed, known := mayImport[relative(p.ImportPath)]
	if !known {
		allowed, known = mayImport[room]
	}
	if !known {
		t.Errorf("%s: no rule for the directory %q in imports_test.go", p.ImportPath, room)
	}
	for _, imp := range p.Imports {
		switch {
		case slices.Contains(vocabulary, room) && strings.Contains(imp, ".") && !strings.HasPrefix(imp, module),
			room == "" && strings.HasPrefix(imp, module):
			t.Errorf("%s imports %s: the vocabulary imports the standard library only", p.ImportPath, imp)
		case isPure(p.ImportPath) && slices.Contains(notInPolicy, imp):
			t.Errorf("%s imports %s: a decision is pure, values and time come from its caller", p.ImportPath, imp)
		case isPure(p.ImportPath) && strings.HasPrefix(imp, module+"/") && !slices.Contains(vocabulary, roomOf(imp)):
			t.Errorf("%s imports %s: a decision knows the vocabulary only", p.ImportPath, imp)
		case !isBelow(imp, p.ImportPath):
			t.Errorf("%s imports %s: within the command, packages import those of lower layers, see imports_test.go", p.ImportPath, imp)
		case isForTests(imp) && !isForTests(p.ImportPath):
			t.Errorf("%s imports %s: that is for tests, and for packages whose names end in test", p.ImportPath, imp)
		case areSiblings(p.ImportPath, imp):
			t.Errorf("%s imports %s: packages of %s do not import each other", p.ImportPath, imp, room)
		case strings.HasPrefix(imp, module+"/") && !slices.Contains(vocabulary, roomOf(imp)) && !slices.Contains(allowed, roomOf(imp)):
			t.Errorf("%s imports %s: %s may only know the vocabulary and %v", p.ImportPath, imp, room, allowed)
		}
	}
}

// areSiblings reports whether two packages are implementations in the same separate directory.
func areSiblings(a, b string) bool {
	room, from, _ := strings.Cut(relative(a), "/")
	other, to, below := strings.Cut(relative(b), "/")
	to = firstDir(to)
	return below && room == other && slices.Contains(separate, room) && to != firstDir(from) && to != "internal" && !strings.HasSuffix(to, "test") &&
		!slices.Contains(foundations[room], to)
}

// isBelow reports whether a package of the command may be imported by another one. It is true for all other packages.
func isBelow(imported, importing string) bool {
	to, found := strings.CutPrefix(imported, module+"/cmd/esm/")
	from, inside := strings.CutPrefix(importing, module+"/cmd/esm/")
	if !found || !inside {
		return true
	}
	to, from = firstDir(to), firstDir(from)
	return to == from || layerOf(to) >= 0 && layerOf(to) < layerOf(from)
}

func layerOf(name string) int {
	return slices.IndexFunc(layers, func(layer []string) bool { return slices.Contains(layer, name) })
}

func isPure(path string) bool {
	return path == module+"/engine/policy" || path == module+"/engine/filter"
}

// isForTests reports whether a package is for tests only: one of the project or of another module.
func isForTests(path string) bool {
	switch {
	case path == "testing", strings.HasPrefix(path, "testing/"), path == "pgregory.net/rapid":
		return true
	case strings.HasPrefix(path, module+"/"):
		return roomOf(path) == "e2e" || strings.HasSuffix(path, "test")
	}
	return strings.HasSuffix(path, "/httptest")
}

func roomOf(path string) string { return firstDir(relative(path)) }

func relative(path string) string { return strings.TrimPrefix(strings.TrimPrefix(path, module), "/") }

func firstDir(path string) string {
	dir, _, _ := strings.Cut(path, "/")
	return dir
}

func TestSiblings(t *testing.T) {
	for _, c := range []struct {
		from, to string
		want     bool
	}{
		{"sources/sqs", "sources/kinesis", true},
		{"sources/internal/ahead", "sources/kinesis", true},
		{"sources/sqs", "sources/internal/quote", false},
		{"sources/internal/ahead", "sources/internal/quote", false},
		{"sources/kinesis/efo", "sources/kinesis", false},
		{"checkpoint/checkpointtest", "checkpoint", false},
		{"checkpoint/etcd", "checkpoint/bolt", true},
		{"invoker/process", "invoker/runtimeapi", false},
		{"invoker/docker", "invoker/process", true},
		{"invoker/invokertest", "invoker/lifecycle", false},
		{"sources/sqs", "config", false},
		{"engine/queue", "engine", false},
		{"engine/queue", "engine/stream", true},
		{"engine/async", "engine/queue", true},
		{"engine/async", "engine/policy", false},
		{"engine/queue", "engine/retry", false},
		{"engine", "engine/stream", true},
	} {
		if got := areSiblings(module+"/"+c.from, module+"/"+c.to); got != c.want {
			t.Errorf("%s and %s: siblings %v, want %v", c.from, c.to, got, c.want)
		}
	}
}

func TestIsForTests(t *testing.T) {
	for path, want := range map[string]bool{
		"testing": true, "testing/synctest": true, "net/http/httptest": true, "net/http": false,
		module + "/sources/sourcetest": true, module + "/sources/sqs": false, module + "/e2e/rig": true, module + "/cmd/esm": false,
	} {
		if got := isForTests(path); got != want {
			t.Errorf("%s: %v, want %v", path, got, want)
		}
	}
}
