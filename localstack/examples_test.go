package localstack_test

import (
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// The examples are run as their first lines say, until they have shown what they are there to show.
func TestExamples(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		needs string
		shows []string
	}{
		"quickstart": {"python3", []string{
			"order 1: espresso is ready (try 1)", "order 4: out of milk, more is on its way (try 1)", "order 4: flat white is ready (try 2)",
			"order 7: this is a coffee house (try 2)", "order 10: affogato is ready (try 1)", "order 7 is in the dead-letter queue: tea",
		}},
		"node": {"node", []string{"anna: step 1", "anna: step 3", "ben: step 10"}},
		"go":   {"go", []string{"function:greet: hello", "function:greet: hallo", "function:greet: bonjour"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			need(t, test.needs)
			if name == "go" {
				build := exec.Command("go", "build", "-o", "examples/go/bootstrap", "./examples/go")
				build.Dir = ".."
				if out, err := build.CombinedOutput(); err != nil {
					t.Fatalf("%v\n%s", err, out)
				}
			}
			file := filepath.Join("..", "examples", name, "mappings.yaml")
			if out, err, code := esm(t, "validate", file); code != 0 {
				t.Errorf("validate: %d\n%s%s", code, out, err)
			}
			e := start(t, file, "--data-dir", t.TempDir())
			for _, line := range test.shows {
				eventually(t, "it shows "+line, func() bool { return strings.Contains(e.stdout.String(), line) })
			}
			if strings.Contains(e.stdout.String(), "step 2") {
				t.Error("a message that the filter drops reached the handler")
			}
			if code := e.stop(); code != 0 {
				t.Errorf("exit code %d", code)
			}
		})
	}
}
