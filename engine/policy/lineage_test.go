package policy_test

import (
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/esm-run/esm/engine/policy"
)

func TestLineage(t *testing.T) {
	const root = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=0"
	for _, test := range []struct{ name, header, want string }{ // in which ID stands for the function
		{"no header", "", ""},
		{"a new chain", root, root + ";Lineage=1:ID:1"},
		{"of another service", root + ";Lineage=1:9c94b8f6:0", root + ";Lineage=1:9c94b8f6:0|1:ID:1"},
		{"of an older form", root + ";Lineage=a87bd80c:1|68fd508a:5", root + ";Lineage=a87bd80c:1|68fd508a:5|1:ID:1"},
		{"in the middle", "Lineage=1:ID:4;" + root, "Lineage=1:ID:5;" + root},
		{"after a blank", root + "; Lineage=1:ID:4", root + ";Lineage=1:ID:5"},
		{"empty", root + ";Lineage=", root + ";Lineage=1:ID:1"},
		{"not a number", root + ";Lineage=1:ID:x", root + ";Lineage=1:ID:x|1:ID:1"},
		{"a huge number", root + ";Lineage=1:ID:9223372036854775807", root + ";Lineage=1:ID:17"},
	} {
		header, want := strings.ReplaceAll(test.header, "ID", ordersID()), strings.ReplaceAll(test.want, "ID", ordersID())
		if got := policy.Advance(header, "orders:live"); got != want {
			t.Errorf("%s: %s, want %s", test.name, got, want)
		}
	}
}

// ordersID returns what names the function orders in a lineage.
func ordersID() string {
	_, entry, _ := strings.Cut(policy.Advance("Root=1", "orders"), "1:")
	id, _, _ := strings.Cut(entry, ":")
	return id
}

// A function runs 16 times in a chain, whatever other functions the chain leads through, and functions do not count for each
// other.
func TestChains(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		functions := rapid.IntRange(1, 16).Draw(t, "functions")
		header, passes := "Root=1-5759e988-bd862e3fe1be46a994272793", map[string]int{}
		for {
			function := fmt.Sprint("f", rapid.IntRange(1, functions).Draw(t, "next"))
			if got, want := policy.Passes(header, function), passes[function]; got != want {
				t.Fatalf("%d passes through %s, want %d", got, function, want)
			}
			if policy.Recursive(header, function) != (passes[function] == policy.MaxPasses) {
				t.Fatalf("%s after %d passes", function, passes[function])
			}
			if passes[function] == policy.MaxPasses {
				return
			}
			passes[function]++
			header = policy.Advance(header, function+":live")
			if len(header) > 512 {
				t.Fatalf("a header of %d bytes", len(header))
			}
		}
	})
}

func FuzzLineage(f *testing.F) {
	f.Add("Root=1;Lineage=1:9c94b8f6:0|a:b|::;;=", "orders")
	f.Fuzz(func(t *testing.T, header, function string) {
		next := policy.Advance(header, function)
		if want := min(policy.Passes(header, function)+1, policy.MaxPasses); header != "" && policy.Passes(next, function) != want {
			t.Errorf("%q: %d passes after %q", header, policy.Passes(next, function), next)
		}
	})
}
