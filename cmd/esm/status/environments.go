package status

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/esm-run/esm/cmd/esm/observe"
	"github.com/esm-run/esm/invoker"
)

const (
	maxEnvironments = 10 // shown for each function
	shortID         = 12 // characters, as container runtimes show their own
)

// writeEnvironments writes a table of the oldest environments of each function, and how many more there are.
func writeEnvironments(w io.Writer, functions []observe.FunctionStatus, now time.Time) {
	if !slices.ContainsFunc(functions, func(f observe.FunctionStatus) bool { return len(f.List) > 0 }) {
		return
	}
	table := columns(w, "\nENVIRONMENT\tFUNCTION\tSTATE\tKIND\tAGE\tINVOCATIONS\tMEMORY")
	defer table.Flush()
	for _, f := range functions {
		shown := f.List[:min(len(f.List), maxEnvironments)]
		for _, e := range shown {
			memory := "-"
			if e.Memory > 0 {
				memory = fmt.Sprintf("%d MB", e.Memory)
			}
			id := cmp.Or(e.ID[:min(len(e.ID), shortID)], "-")
			fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\t%d\t%s\n", id, f.Name, e.State, e.Kind, rough(now.Sub(e.Started)), e.Invocations, memory)
		}
		if more := len(f.List) + f.MoreEnvironments - len(shown); more > 0 {
			fmt.Fprintf(table, "and %d more\t%s\tin all: %s\n", more, f.Name, byState(f.States))
		}
	}
}

// byState formats how many environments are in each state.
func byState(states map[string]int) string {
	var parts []string
	for _, state := range invoker.States {
		if n := states[string(state)]; n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, state))
		}
	}
	return strings.Join(parts, ", ")
}
