package esm_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
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
// directory needs a line here.
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
	"localstack":   {"localstack"},
	"e2e":          {"e2e", "localstack", "awshttp"},
	"examples":     {},
	"cmd":          {"engine", "sources", "checkpoint", "destinations", "subscriber", "invoker", "mappings", "api", "awshttp", "localstack", "cmd"},
}

// notInPolicy are standard packages that decisions must not import: their caller passes values and the time.
var notInPolicy = []string{"context", "os", "net", "net/http", "sync", "log", "log/slog", "math/rand", "math/rand/v2"}

// separate are directories whose packages implement one contract and must not import each other. They may import the
// directory's own package, its suite of tests, and packages below its internal directory.
var separate = []string{"sources", "destinations", "checkpoint"}

type pkg struct {
	ImportPath string
	Imports    []string
	Standard   bool
}

func TestImportsRunOneWay(t *testing.T) {
	out, err := exec.Command("go", "list", "-json=ImportPath,Imports", "./...").Output()
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
	allowed, known := mayImport[room]
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
	return below && room == other && slices.Contains(separate, room) && to != firstDir(from) && to != "internal" && !strings.HasSuffix(to, "test")
}

func isPure(path string) bool {
	return path == module+"/engine/policy" || path == module+"/engine/filter"
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
		{"sources/sqs", "config", false},
	} {
		if got := areSiblings(module+"/"+c.from, module+"/"+c.to); got != c.want {
			t.Errorf("%s and %s: siblings %v, want %v", c.from, c.to, got, c.want)
		}
	}
}
