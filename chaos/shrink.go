package chaos

import "slices"

// Strikes returns the faults of a history that an injector's Only can select, each once. Those that followed from others are
// not among them.
func Strikes(h History) (strikes []Strike) {
	seen := map[Strike]bool{}
	for _, f := range h.Injected {
		if !f.Follows && !seen[f.Strike] {
			seen[f.Strike] = true
			strikes = append(strikes, f.Strike)
		}
	}
	return strikes
}

// Shrink returns a part of strikes with which broken still holds, and from which no single strike can be left out; at most
// runs calls of broken are made for it. Broken reports whether a run with only these strikes breaks what the whole list broke.
//
// It leaves out halves, then quarters and so on (Zeller and Hildebrandt: "Simplifying and isolating failure-inducing input").
func Shrink(strikes []Strike, runs int, broken func(only map[Strike]bool) bool) []Strike {
	for parts := 2; len(strikes) > 0 && runs > 0; {
		smaller, found := withoutOnePart(strikes, parts, &runs, broken)
		switch {
		case found:
			strikes, parts = smaller, max(parts-1, 2)
		case parts >= len(strikes):
			return strikes
		default:
			parts = min(2*parts, len(strikes))
		}
		if len(strikes) == 1 {
			parts = 1
		}
	}
	return strikes
}

// withoutOnePart divides strikes into parts, and returns them without the first part that is not needed.
func withoutOnePart(strikes []Strike, parts int, runs *int, broken func(map[Strike]bool) bool) ([]Strike, bool) {
	for n := range parts {
		if *runs == 0 {
			return nil, false
		}
		from, to := n*len(strikes)/parts, (n+1)*len(strikes)/parts
		rest := slices.Concat(strikes[:from], strikes[to:])
		only := make(map[Strike]bool, len(rest))
		for _, s := range rest {
			only[s] = true
		}
		*runs--
		if broken(only) {
			return rest, true
		}
	}
	return nil, false
}
