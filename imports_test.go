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

// Which packages of the project a package may import besides the vocabulary, by its first directory. A package that is
// not listed has no room in the house yet: say here what it may know.
var mayImport = map[string][]string{
	"":             nil,
	"engine":       {"engine"},
	"sources":      {"sources"},
	"checkpoint":   {"checkpoint"},
	"destinations": {},
	"invoker":      {"invoker"},
	"mappings":     {},
	"api":          {},
	"awshttp":      {},
	"localstack":   {"localstack"},
	"e2e":          {"e2e", "localstack", "awshttp"},
	"examples":     {},
	"cmd":          {"engine", "sources", "checkpoint", "destinations", "invoker", "mappings", "api", "awshttp", "localstack", "cmd"},
}

// What decisions may not reach for: they get values and the time from their caller.
var notInPolicy = []string{"context", "os", "net", "sync", "log", "log/slog", "math/rand", "math/rand/v2"}

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
		case room == "" && strings.Contains(imp, "."):
			t.Errorf("%s imports %s: the vocabulary knows the standard library only", p.ImportPath, imp)
		case p.ImportPath == module+"/engine/policy" && slices.Contains(notInPolicy, imp):
			t.Errorf("%s imports %s: a decision is pure, values and time come from its caller", p.ImportPath, imp)
		case isPure(p.ImportPath) && strings.HasPrefix(imp, module+"/"):
			t.Errorf("%s imports %s: a decision knows the vocabulary only", p.ImportPath, imp)
		case strings.HasPrefix(imp, module+"/") && !slices.Contains(allowed, roomOf(imp)):
			t.Errorf("%s imports %s: %s may only know the vocabulary and %v", p.ImportPath, imp, room, allowed)
		}
	}
}

func isPure(path string) bool {
	return path == module+"/engine/policy" || path == module+"/engine/filter"
}

func roomOf(path string) string {
	room, _, _ := strings.Cut(strings.TrimPrefix(strings.TrimPrefix(path, module), "/"), "/")
	return room
}
