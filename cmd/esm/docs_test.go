package main

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/esm-run/esm/cmd/esm/configfile"
)

// documents are the pages for people, by their paths from here.
func documents(t *testing.T) map[string]string {
	t.Helper()
	paths, err := filepath.Glob("../../docs/*.md")
	if err != nil {
		t.Fatal(err)
	}
	top, err := filepath.Glob("../../*.md")
	if err != nil {
		t.Fatal(err)
	}
	pages := map[string]string{}
	for _, path := range append(paths, top...) {
		pages[path] = read(t, path)
	}
	return pages
}

func read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

var (
	yamlBlock = regexp.MustCompile("(?ms)^```yaml\n(.*?)^```")
	codeDir   = regexp.MustCompile(`CodeUri: *([^\s,}]+)`)
	layerDirs = regexp.MustCompile(`Layers: *\[([^\]]+)\]`)
)

// handlers are files that the documented mappings files expect in their CodeUri.
var handlers = []string{"app.py", "bootstrap"}

// functionName is the function of a mapping.
var functionName = regexp.MustCompile(`FunctionName: *(\S+)`)

// TestDocumentedFiles loads each mappings file that the documents show, in a directory with the handlers that it names.
// A file without functions gets those of its mappings.
func TestDocumentedFiles(t *testing.T) {
	t.Setenv("AWS_REGION", "us-east-1")
	found := 0
	for path, page := range documents(t) {
		for _, block := range yamlBlock.FindAllStringSubmatch(page, -1) {
			file := block[1]
			if !strings.Contains(file, "Functions:") {
				file += "Functions:\n"
				for _, name := range names(file, functionName.String()) {
					file += "  " + name + ": {InvokeEndpoint: http://localhost:8080}\n"
				}
			}
			found++
			_, report := configfile.Load(written(t, file), configfile.Overrides{})
			if len(report.Errors)+len(report.Warnings) > 0 {
				t.Errorf("%s: a file that it shows:\n%s", path, report)
			}
		}
	}
	if found < 5 {
		t.Errorf("got %d files in the documents, want at least 5: the README's 2 and one on each page about behaviour", found)
	}
}

func written(t *testing.T, text string) (path string) {
	t.Helper()
	dir := t.TempDir()
	for _, code := range codeDir.FindAllStringSubmatch(text, -1) {
		for _, name := range handlers {
			write(t, filepath.Join(dir, code[1], name), "")
		}
	}
	for _, layers := range layerDirs.FindAllStringSubmatch(text, -1) {
		for layer := range strings.SplitSeq(layers[1], ",") {
			write(t, filepath.Join(dir, strings.TrimSpace(layer), "bin", "tool"), "")
		}
	}
	path = filepath.Join(dir, "mappings.yaml")
	write(t, path, text)
	return path
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o755); err != nil {
		t.Fatal(err)
	}
}

// TestDocumentedNames compares names that tables list with those in the code.
func TestDocumentedNames(t *testing.T) {
	for _, test := range []struct{ page, listed, code, named string }{
		{"../../docs/[qs]*.md", "[`.]([A-Z][A-Za-z]+)", "configfile/mapping.go", `field\("([A-Za-z]+)"`},
		{"../../docs/handlers.md", "[`.]([A-Z][A-Za-z]+)", "configfile/function.go", `field\("([A-Za-z]+)"`},
		{"../../docs/operations.md", "(?m)^\\| `(esm_[a-z_]+)`", "observe/*.go", `"(esm_[a-z_]+)"`},
		{"../../docs/handlers.md", "`([A-Z][A-Za-z]+)`", "../../trace/reason.go", `Reason = "([A-Za-z]+)"`},
		{"../../docs/operations.md", "(?m)^\\| `([A-Z][A-Za-z]+)` \\|.*\\| .* \\|$", "configfile/file.go", `func\(e \*Engine\) \*[a-zA-Z0-9.]+ \{ return &e\.([A-Za-z]+)`},
	} {
		listed, named := names(text(t, test.page), test.listed), names(text(t, test.code), test.named)
		if len(named) == 0 {
			t.Errorf("%s: no names in it look like %s", test.code, test.named)
		}
		for _, name := range named {
			if !slices.Contains(listed, name) {
				t.Errorf("%s has %s, which %s does not list", test.code, name, test.page)
			}
		}
		for _, name := range listed {
			if strings.HasPrefix(name, "esm_") && !slices.Contains(named, name) {
				t.Errorf("%s lists %s, which %s does not have", test.page, name, test.code)
			}
		}
	}
}

// text is that of the files of a pattern, tests excepted.
func text(t *testing.T, pattern string) string {
	t.Helper()
	paths, err := filepath.Glob(pattern)
	if err != nil {
		t.Fatal(err)
	}
	var all strings.Builder
	for _, path := range paths {
		if !strings.HasSuffix(path, "_test.go") {
			all.WriteString(read(t, path))
		}
	}
	return all.String()
}

func names(page, form string) (all []string) {
	for _, m := range regexp.MustCompile(form).FindAllStringSubmatch(page, -1) {
		all = append(all, m[1])
	}
	return all
}

var (
	link    = regexp.MustCompile(`\]\(([^)\s:#]*)(?:#([^)\s]+))?\)`)
	heading = regexp.MustCompile(`(?m)^#+ (.+)$`)
	mark    = regexp.MustCompile(`[^a-z0-9 -]`)
)

// TestDocumentedLinks follows the links between files.
func TestDocumentedLinks(t *testing.T) {
	for path, page := range documents(t) {
		for _, l := range link.FindAllStringSubmatch(page, -1) {
			to := path
			if l[1] != "" {
				to = filepath.Join(filepath.Dir(path), l[1])
			}
			if _, err := os.Stat(to); err != nil {
				t.Errorf("%s: link to %s: %v", path, l[1], err)
			} else if l[2] != "" && !slices.Contains(anchors(read(t, to)), l[2]) {
				t.Errorf("%s: %s has no heading for #%s", path, to, l[2])
			}
		}
	}
}

// anchors are the names by which a page's headings are linked to.
func anchors(page string) (all []string) {
	for _, h := range heading.FindAllStringSubmatch(page, -1) {
		all = append(all, strings.ReplaceAll(mark.ReplaceAllString(strings.ToLower(h[1]), ""), " ", "-"))
	}
	return all
}

// The file that `esm --help` shows.
func TestTheHelpsFile(t *testing.T) {
	_, rest, _ := strings.Cut(rootCommand().Long, "in AWS's own names:\n")
	file, _, found := strings.Cut(rest, "  esm validate")
	if !found {
		t.Fatal("esm --help shows no file")
	}
	_, report := configfile.Load(written(t, strings.ReplaceAll(file, "\n  ", "\n")), configfile.Overrides{})
	if len(report.Errors)+len(report.Warnings) > 0 {
		t.Errorf("%s\n%s", file, report)
	}
}
