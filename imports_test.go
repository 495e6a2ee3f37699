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
	"engine":       {"engine"},
	"sources":      {"sources"},
	"checkpoint":   {"checkpoint"},
	"destinations": {},
	"invoker":      {"invoker"},
	"mappings":     {},
	"api":          {"mappings"},
	"awshttp":      {},
	"localstack":   {"localstack"},
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
		case slices.Contains(vocabulary, room) && strings.Contains(imp, ".") && !strings.HasPrefix(imp, module),
			room == "" && strings.HasPrefix(imp, module):
			t.Errorf("%s imports %s: the vocabulary imports the standard library only", p.ImportPath, imp)
		case p.ImportPath == module+"/engine/policy" && slices.Contains(notInPolicy, imp):
			t.Errorf("%s imports %s: a decision is pure, values and time come from its caller", p.ImportPath, imp)
		case isPure(p.ImportPath) && strings.HasPrefix(imp, module+"/") && !slices.Contains(vocabulary, roomOf(imp)):
			t.Errorf("%s imports %s: a decision knows the vocabulary only", p.ImportPath, imp)
		case strings.HasPrefix(imp, module+"/") && !slices.Contains(vocabulary, roomOf(imp)) && !slices.Contains(allowed, roomOf(imp)):
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
