package chaos

import (
	"fmt"
	"os"
	"strings"
	"testing"
)

// TestReliabilityPage checks that docs/reliability.md has every invariant and every fault with its meaning.
func TestReliabilityPage(t *testing.T) {
	text, err := os.ReadFile("../docs/reliability.md")
	if err != nil {
		t.Fatal(err)
	}
	want := func(name, meaning string) {
		if row := fmt.Sprintf("| `%s` | %s |", name, meaning); !strings.Contains(string(text), row) {
			t.Errorf("the page lacks the row %q", row)
		}
	}
	for _, i := range Invariants {
		want(i.Name, i.Meaning)
	}
	for _, f := range AllFaults() {
		want(string(f), f.Meaning())
	}
}
