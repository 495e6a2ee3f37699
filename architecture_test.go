package esm_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/esm-run/esm/config"
)

// rows returns the cells of the table in docs/architecture.md below a heading, without its header.
func rows(t *testing.T, heading string) (table [][]string) {
	t.Helper()
	page, err := os.ReadFile("docs/architecture.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, found := strings.Cut(string(page), "\n## "+heading+"\n")
	if !found {
		t.Fatalf("docs/architecture.md has no section %q", heading)
	}
	section, _, _ = strings.Cut(section, "\n## ")
	for line := range strings.Lines(section) {
		if strings.HasPrefix(line, "|") {
			table = append(table, strings.Split(strings.Trim(strings.TrimSpace(line), "|"), "|"))
		}
	}
	if len(table) < 3 {
		t.Fatalf("the section %q has no table", heading)
	}
	return table[2:]
}

var quoted = regexp.MustCompile("`([^`]+)`")

// paths returns what a cell quotes, without trailing slashes.
func paths(cell string) (all []string) {
	for _, m := range quoted.FindAllStringSubmatch(cell, -1) {
		all = append(all, strings.TrimSuffix(m[1], "/"))
	}
	return all
}

// TestToAdd checks the table that says what an addition changes: at most six files that exist.
func TestToAdd(t *testing.T) {
	for _, row := range rows(t, "To add") {
		name, adds, changes := strings.TrimSpace(row[0]), paths(row[1]), paths(row[2])
		if len(changes) == 0 || len(changes) > 6 {
			t.Errorf("%s: changes %d files, want 1 to 6", name, len(changes))
		}
		for _, path := range changes {
			if info, err := os.Stat(path); err != nil || info.IsDir() {
				t.Errorf("%s: changes %s, which is not a file", name, path)
			}
		}
		for _, path := range adds {
			if _, err := os.Stat(path); err == nil {
				t.Errorf("%s: adds %s, which exists", name, path)
			}
		}
	}
}

// TestRooms checks that the table of directories names every package, itself or a directory above it. That of the command is
// no such directory.
func TestRooms(t *testing.T) {
	var listed []string
	for _, row := range rows(t, "The rooms") {
		for _, path := range paths(row[0]) {
			listed = append(listed, path)
			if info, err := os.Stat(path); path != "*.go" && (err != nil || !info.IsDir()) {
				t.Errorf("docs/architecture.md lists %s, which is not a directory", path)
			}
		}
	}
	for _, dir := range packages(t) {
		covers := func(l string) bool { return dir == l || l != "cmd/esm" && strings.HasPrefix(dir, l+"/") }
		if dir != "." && !slices.ContainsFunc(listed, covers) {
			t.Errorf("docs/architecture.md does not list %s", dir)
		}
	}
}

// clocks are the functions of package time that read the clock or wait for it.
var clocks = []string{"Now", "Since", "Until", "Sleep", "After", "AfterFunc", "NewTimer", "NewTicker", "Tick"}

// TestDecisionsKnowNoClock checks that the pure packages receive the time from their callers. What they import is checked by
// TestImportsRunOneWay.
func TestDecisionsKnowNoClock(t *testing.T) {
	for _, dir := range []string{"engine/policy", "engine/filter"} {
		if !isPure(module + "/" + dir) {
			t.Errorf("%s is not pure, says imports_test.go", dir)
		}
		eachFile(t, dir, func(path string, file *ast.File) {
			for _, used := range clocksIn(file) {
				t.Errorf("%s: uses time.%s: a decision receives the time from its caller", path, used)
			}
		})
	}
}

func TestClocksIn(t *testing.T) {
	for text, want := range map[string][]string{
		`import "time"; var t = time.Now()`:             {"Now"},
		`import "time"; var now = time.Now`:             {"Now"},
		`import clock "time"; var t = clock.After(1)`:   {"After"},
		`import . "time"; var t = Duration(1)`:          {"everything"},
		`import "time"; var d time.Duration; var s x.T`: nil,
		`var s = time.Now()`:                            nil,
	} {
		file, err := parser.ParseFile(token.NewFileSet(), "", "package p; "+text, 0)
		if err != nil {
			t.Fatal(err)
		}
		if got := clocksIn(file); !slices.Equal(got, want) {
			t.Errorf("%s: found %v, want %v", text, got, want)
		}
	}
}

// clocksIn returns the clocks that a file uses.
func clocksIn(file *ast.File) (found []string) {
	name := ""
	for _, spec := range file.Imports {
		switch {
		case spec.Path.Value != `"time"`:
		case spec.Name == nil:
			name = "time"
		case spec.Name.Name == ".":
			return []string{"everything"}
		default:
			name = spec.Name.Name
		}
	}
	ast.Inspect(file, func(n ast.Node) bool {
		if s, ok := n.(*ast.SelectorExpr); ok {
			if x, ok := s.X.(*ast.Ident); ok && name != "" && x.Name == name && slices.Contains(clocks, s.Sel.Name) {
				found = append(found, s.Sel.Name)
			}
		}
		return true
	})
	return found
}

// eachFile calls do with each Go file in a directory, except tests.
func eachFile(t *testing.T, dir string, do func(path string, file *ast.File)) {
	t.Helper()
	files, _ := filepath.Glob(filepath.Join(dir, "*.go"))
	for _, path := range files {
		if strings.HasSuffix(path, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		do(path, file)
	}
}

// ofOtherThings are files that distinguish services because of the targets of rules and the protocols of topics.
var ofOtherThings = []string{"cmd/esm/configfile/eventrules.go", "cmd/esm/configfile/topics.go"}

// TestKindsAreAskedInOnePlace checks that only the table of kinds, its wiring and the sources themselves distinguish kinds
// of sources. The stand-in is a set of services, and so is what end-to-end tests need.
func TestKindsAreAskedInOnePlace(t *testing.T) {
	kinds, services := kindNames(t), serviceNames(t)
	for _, dir := range packages(t) {
		room, _, _ := strings.Cut(dir, "/")
		if dir == "config" || dir == "cmd/esm/wiring" || slices.Contains([]string{"sources", "localstack", "e2e", "examples"}, room) {
			continue
		}
		eachFile(t, dir, func(path string, file *ast.File) {
			if slices.Contains(ofOtherThings, path) {
				return
			}
			for _, found := range kindsIn(file, kinds, services) {
				t.Errorf("%s %s: make it a field of config.Kind", path, found)
			}
		})
	}
}

func TestKindsIn(t *testing.T) {
	kinds, services := kindNames(t), serviceNames(t)
	for text, want := range map[string]string{
		`var a = config.SQSQueue`:                              "asks for config.SQSQueue",
		`var a = x == config.Kinesis`:                          "compares with config.Kinesis",
		`var a = "dynamodb" != x`:                              `says "dynamodb"`,
		`func f() { switch x { case 1, config.SQS: g() } }`:    "compares with config.SQS",
		`var a = client.EndpointOf(config.S3)`:                 "",
		`var a = []row{{config.Kinesis, "stream"}}; var b = 1`: "",
	} {
		file, err := parser.ParseFile(token.NewFileSet(), "", "package p; "+text, 0)
		if err != nil {
			t.Fatal(err)
		}
		if got := strings.Join(kindsIn(file, kinds, services), ", "); got != want {
			t.Errorf("%s: found %q, want %q", text, got, want)
		}
	}
}

// kindsIn describes where a file mentions a kind of sources, compares with a service, or writes the name of one.
func kindsIn(file *ast.File, kinds []string, services map[string]string) (found []string) {
	compared := func(all ...ast.Expr) {
		for _, e := range all {
			if name := configName(e); services[name] != "" {
				found = append(found, "compares with config."+name)
			}
		}
	}
	ast.Inspect(file, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.SelectorExpr:
			if name := configName(n); slices.Contains(kinds, name) {
				found = append(found, "asks for config."+name)
			}
		case *ast.BasicLit:
			for _, service := range services {
				if n.Value == strconv.Quote(service) {
					found = append(found, "says "+n.Value)
				}
			}
		case *ast.BinaryExpr:
			if n.Op == token.EQL || n.Op == token.NEQ {
				compared(n.X, n.Y)
			}
		case *ast.CaseClause:
			compared(n.List...)
		}
		return true
	})
	return found
}

// configName returns the name that an expression takes from package config, or an empty string.
func configName(e ast.Expr) string {
	if s, ok := e.(*ast.SelectorExpr); ok {
		if x, ok := s.X.(*ast.Ident); ok && x.Name == "config" {
			return s.Sel.Name
		}
	}
	return ""
}

// serviceNames returns the constants of package config whose values are the services of sources.
func serviceNames(t *testing.T) map[string]string {
	t.Helper()
	text, err := os.ReadFile("config/source.go")
	if err != nil {
		t.Fatal(err)
	}
	names := map[string]string{}
	for _, m := range regexp.MustCompile(`(?m)^\t(\w+) += "(\w+)"$`).FindAllSubmatch(text, -1) {
		if service := string(m[2]); slices.ContainsFunc(config.Kinds, func(k *config.Kind) bool { return k.Service == service || k.EndpointKey == service }) {
			names[string(m[1])] = service
		}
	}
	for _, kind := range config.Kinds {
		if !slices.Contains(slices.Collect(maps.Values(names)), kind.Service) {
			t.Fatalf("config/source.go has no constant for the service %s", kind.Service)
		}
	}
	return names
}

// kindNames returns the names of the variables of package config that are kinds of sources.
func kindNames(t *testing.T) (names []string) {
	t.Helper()
	form := regexp.MustCompile(`(?m)^var (\w+) = &Kind\{`)
	files, _ := filepath.Glob("config/*.go")
	for _, path := range files {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range form.FindAllSubmatch(text, -1) {
			names = append(names, string(m[1]))
		}
	}
	if len(names) != len(config.Kinds) {
		t.Fatalf("found the kinds %v, want %d", names, len(config.Kinds))
	}
	return names
}

// packages returns the directories that hold Go files.
func packages(t *testing.T) (dirs []string) {
	t.Helper()
	err := filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && path != "." && (strings.HasPrefix(d.Name(), ".") || d.Name() == "testdata" || d.Name() == "build"):
			return fs.SkipDir
		case strings.HasSuffix(path, ".go") && !slices.Contains(dirs, filepath.Dir(path)):
			dirs = append(dirs, filepath.Dir(path))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return dirs
}
