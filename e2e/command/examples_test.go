package command_test

import (
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/esm-run/esm/e2e/rig"
)

// examples have what each example is there to show.
var examples = []struct {
	name, needs string                        // needs is a program
	shows       []string                      // somewhere in what its handlers print
	ordered     []string                      // each for the first time after the one before
	once        []string                      // lines that occur once
	hides       string                        // a record that the filter drops
	installs    []string                      // the installer that examples/package runs; nil where the handler needs no packages
	image       string                        // an image that stands in for that of AWS; it needs Docker
	drive       func(*testing.T, *rig.Engine) // does what the file says to do in another terminal
}{
	{name: "quickstart", needs: "python3", shows: []string{
		"order 1: espresso is ready (try 1)", "order 4: out of milk, more is on its way (try 1)", "order 4: flat white is ready (try 2)",
		"order 7: this is a coffee house (try 2)", "order 10: affogato is ready (try 1)", "order 7 is in the dead-letter queue: tea",
	}},
	{name: "node", needs: "node", shows: []string{"anna: step 1", "anna: step 3", "ben: step 10"}, hides: "step 2"},
	{name: "go", needs: "go", shows: []string{"function:greet: hello", "function:greet: hallo", "function:greet: bonjour"}},
	{
		name: "kinesis", needs: "python3",
		shows:   []string{"ben sees /", "ben sees /jobs", "given up after 2 tries (RetryAttemptsExhausted): 1 record of shardId-000000000001"},
		ordered: []string{"anna sees /\n", "anna sees /menu", "anna: this is no click", "anna sees /cart", "anna sees /thanks"},
	},
	{
		name: "dynamodb", needs: "node", shows: []string{"given up after 2 tries (RetryAttemptsExhausted): 1 record of shardId-"},
		ordered: []string{
			"MODIFY a1: was draft, is paid", "INSERT b2: is paid", "order c3 has no price",
			"MODIFY a1: was paid, is shipped", "MODIFY b2: was paid, is shipped",
		},
		hides: "INSERT a1",
	},
	{
		name: "thumbnail", needs: "python3", installs: []string{"python3", "-m", "pip", "--version"},
		shows: []string{"my picture.jpg: ", "cannot identify image file"}, drive: putPictures,
	},
	{
		name: "idempotency", needs: "python3", installs: []string{"python3", "-m", "pip", "--version"},
		shows: []string{
			"order a-1 is charged 20", "order a-1 was charged before", "order a-2 is charged 15",
			"the card of order a-3 was declined", "order a-3 is charged 30",
		},
		once: []string{"order a-1 is charged", "order a-2 is charged", "order a-3 is charged"},
	},
	{name: "crud", needs: "node", installs: []string{"npm", "--version"}, shows: []string{"PUT /notes/1"}, drive: editNotes},
	{name: "schedule", needs: "python3", shows: []string{"every-minute fired at "}}, // within a minute
	{
		name: "chain", needs: "python3", drive: orderDrinks,
		shows: []string{"brewing latte", "here is your latte", "no tea after 2 tries: this is a coffee house"},
	},
	{
		name: "container", image: "esm-test/base", shows: []string{
			"espresso costs 2, made by user 993", "latte costs 4", "mocha costs 5", "nothing is written beside the code: Read-only file system",
			"nobody made everything",
		},
	},
}

// The examples are run as their first lines say, until they have shown what they are there to show.
func TestExamples(t *testing.T) {
	t.Parallel()
	root, err := rig.Root()
	if err != nil {
		t.Fatal(err)
	}
	for _, example := range examples {
		t.Run(example.name, func(t *testing.T) {
			t.Parallel()
			var variables []string
			if example.image != "" {
				rig.NeedImage(t, example.image)
				variables = append(variables, "BASE_IMAGE="+example.image)
			} else {
				rig.Need(t, example.needs)
			}
			if example.name == "go" {
				build := exec.Command("go", "build", "-o", "examples/go/bootstrap", "./examples/go")
				build.Dir = root
				if out, err := build.CombinedOutput(); err != nil {
					t.Fatalf("%v\n%s", err, out)
				}
			}
			if example.installs != nil {
				rig.NeedCommand(t, example.installs...)
				packaging := exec.Command(filepath.Join(root, "examples", "package"), example.name)
				if out, err := packaging.CombinedOutput(); err != nil {
					t.Fatalf("%v\n%s", err, out)
				}
			}
			file := filepath.Join(root, "examples", example.name, "mappings.yaml")
			use{[]string{"validate", file}, 0, nil}.check(t)
			engine := rig.StartWith(t, variables, file, "--data-dir", t.TempDir(), "--endpoint", "embedded")
			if example.drive != nil {
				engine.WaitReady()
				example.drive(t, engine)
			}
			engine.WaitOutput(slices.Concat(example.shows, example.ordered)...)
			last := -1
			for _, line := range example.ordered {
				at := strings.Index(engine.Output(), line)
				if at < last {
					t.Errorf("%q came too early", line)
				}
				last = at
			}
			for _, line := range example.once {
				if n := strings.Count(engine.Output(), line); n != 1 {
					t.Errorf("%q is printed %d times, want 1", line, n)
				}
			}
			if example.hides != "" && strings.Contains(engine.Output(), example.hides) {
				t.Errorf("%q, which the filter drops, reached the handler", example.hides)
			}
			engine.Stop()
		})
	}
}
