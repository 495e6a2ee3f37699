package localstack_test

import (
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// example is what one of the examples is there to show.
type example struct {
	needs   string   // a program
	shows   []string // somewhere in what its handlers print
	ordered []string // each for the first time behind the one before
	hides   string   // a record that the filter drops
}

func (e example) check(t *testing.T, printed string) {
	t.Helper()
	last := -1
	for _, line := range e.ordered {
		at := strings.Index(printed, line)
		if at < last {
			t.Errorf("%q came too early", line)
		}
		last = at
	}
	if e.hides != "" && strings.Contains(printed, e.hides) {
		t.Errorf("%q, which the filter drops, reached the handler", e.hides)
	}
}

// The examples are run as their first lines say, until they have shown what they are there to show.
func TestExamples(t *testing.T) {
	t.Parallel()
	tests := map[string]example{
		"quickstart": {needs: "python3", shows: []string{
			"order 1: espresso is ready (try 1)", "order 4: out of milk, more is on its way (try 1)", "order 4: flat white is ready (try 2)",
			"order 7: this is a coffee house (try 2)", "order 10: affogato is ready (try 1)", "order 7 is in the dead-letter queue: tea",
		}},
		"node": {needs: "node", shows: []string{"anna: step 1", "anna: step 3", "ben: step 10"}, hides: "step 2"},
		"go":   {needs: "go", shows: []string{"function:greet: hello", "function:greet: hallo", "function:greet: bonjour"}},
		"kinesis": {
			needs:   "python3",
			shows:   []string{"ben sees /", "ben sees /jobs", "given up after 2 tries (RetryAttemptsExhausted): 1 record of shardId-000000000001"},
			ordered: []string{"anna sees /\n", "anna sees /menu", "anna: this is no click", "anna sees /cart", "anna sees /thanks"},
		},
		"dynamodb": {
			needs: "node",
			shows: []string{"given up after 2 tries (RetryAttemptsExhausted): 1 record of shardId-"},
			ordered: []string{
				"MODIFY a1: was draft, is paid", "INSERT b2: is paid", "order c3 has no price",
				"MODIFY a1: was paid, is shipped", "MODIFY b2: was paid, is shipped",
			},
			hides: "INSERT a1",
		},
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
			for _, line := range slices.Concat(test.shows, test.ordered) {
				eventually(t, "it shows "+line, func() bool { return strings.Contains(e.stdout.String(), line) })
			}
			test.check(t, e.stdout.String())
			if code := e.stop(); code != 0 {
				t.Errorf("exit code %d", code)
			}
		})
	}
}
