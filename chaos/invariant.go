package chaos

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"text/tabwriter"
	"time"
)

// Invariant is one promise of the engine.
type Invariant struct {
	Name    string
	Meaning string // one line, for people

	check func(*index, *Finding)
}

// Invariants are all promises, in the order in which a verdict shows them. docs/reliability.md has each of them.
var Invariants = []Invariant{
	{"nothing-lost", "every wanted record is handled successfully or given up before it is settled, and every record is settled in the end", nothingLost},
	{"order-kept", "a record is handled only after every earlier record of its group, key or shard, and never at once with one", orderKept},
	{"position-behind", "no durable position is beyond a record that is not settled", positionBehind},
	{"repeats-explained", "a record that was handled is handled again only because of a fault that has a name", repeatsExplained},
	{"caps-kept", "concurrency and batch size never exceed their limits", capsKept},
	{"tries-limited", "nothing is tried more often than its limit allows, across restarts", triesLimited},
	{"given-up-told", "every record that is given up is in exactly one notice, which its destination accepted or the store holds; a second one needs a fault", givenUpTold},
	{"events-end-once", "every accepted asynchronous event ends exactly once", eventsEndOnce},
	{"run-ids-kept", "invocations with the same ID have the same records", runIDsKept},
	{"nothing-held", "no permit, environment, goroutine, file or lock is left behind", nothingHeld},
}

// Finding is the result of one invariant.
type Finding struct {
	Invariant string
	Checked   int // records, calls or whatever the invariant is about
	Breaches  []Breach
}

// Held reports whether nothing breaks the invariant.
func (f Finding) Held() bool { return len(f.Breaches) == 0 }

// broken adds a breach.
func (f *Finding) broken(at time.Time, records []string, format string, args ...any) {
	f.Breaches = append(f.Breaches, Breach{At: at, Records: records, Text: fmt.Sprintf(format, args...)})
}

// Breach is one case in which an invariant does not hold.
type Breach struct {
	At      time.Time // zero if it is about the end of the run
	Records []string  // or IDs of events or invocations
	Text    string    // for people
}

// Verdict has a finding for each of [Invariants], in their order.
type Verdict []Finding

// Check applies all invariants to a history. It is pure.
func Check(h History) Verdict {
	x := newIndex(h)
	verdict := make(Verdict, len(Invariants))
	for i, inv := range Invariants {
		verdict[i].Invariant = inv.Name
		inv.check(x, &verdict[i])
		slices.SortStableFunc(verdict[i].Breaches, func(a, b Breach) int {
			return cmp.Or(a.At.Compare(b.At), slices.Compare(a.Records, b.Records))
		})
	}
	return verdict
}

// Broken returns the names of the invariants that do not hold.
func (v Verdict) Broken() (names []string) {
	for _, f := range v {
		if !f.Held() {
			names = append(names, f.Invariant)
		}
	}
	return names
}

// Records returns the records of all breaches, each once, in the order of the findings.
func (v Verdict) Records() (records []string) {
	for _, f := range v {
		for _, b := range f.Breaches {
			for _, id := range b.Records {
				if !slices.Contains(records, id) {
					records = append(records, id)
				}
			}
		}
	}
	return records
}

// String returns a table with a line for each invariant.
func (v Verdict) String() string {
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	for _, f := range v {
		result := "held"
		if !f.Held() {
			result = fmt.Sprintf("BROKEN %d", len(f.Breaches))
		}
		fmt.Fprintf(w, "%s\t%s\tof %d\n", f.Invariant, result, f.Checked)
	}
	w.Flush() // a Builder takes every write
	return b.String()
}
