package chaos

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Fault is a kind of failure that can be injected.
type Fault string

// Faults of the handler and of its platform. [Invoker] injects them.
const (
	HandlerThrows      Fault = "handler-throws"
	HandlerHangs       Fault = "handler-hangs"
	HandlerCrashes     Fault = "handler-crashes"
	HandlerOutOfMemory Fault = "handler-out-of-memory"
	HandlerRubbish     Fault = "handler-rubbish"
	HandlerPartial     Fault = "handler-partial"
	HandlerLies        Fault = "handler-lies"
	HandlerLate        Fault = "handler-late"
	InvokeThrottled    Fault = "invoke-throttled"
	InvokeNotRun       Fault = "invoke-not-run"
	InvokeRefused      Fault = "invoke-refused"
	InvokeLost         Fault = "invoke-lost"
)

// Faults of the source. [Queue] and [Stream] inject them.
const (
	SourceThrottles Fault = "source-throttles"
	SourceEmpty     Fault = "source-empty"
	SourceRepeats   Fault = "source-repeats"
	SourceExpires   Fault = "source-expires"
	SourceUndone    Fault = "source-undone"
	SourceDone      Fault = "source-done"
	SourceSlow      Fault = "source-slow"
	SourceReshards  Fault = "source-reshards"
)

// Faults of the store. [Store] and [Events] inject them.
const (
	StoreUndone    Fault = "store-undone"
	StoreDone      Fault = "store-done"
	StoreConflicts Fault = "store-conflicts"
	StoreSlow      Fault = "store-slow"
	StoreFull      Fault = "store-full"
)

// Faults of a destination. [Destination] injects them.
const (
	DestinationRefuses Fault = "destination-refuses"
	DestinationBusy    Fault = "destination-busy"
	DestinationTwice   Fault = "destination-twice"
)

// Faults of the engine's process. Whoever runs the engine injects them.
const (
	EngineStops Fault = "engine-stops"
	EngineKill  Fault = "engine-kill"
)

// meanings has a line for each fault.
var meanings = map[Fault]string{
	HandlerThrows:      "the handler throws, before or after its effect",
	HandlerHangs:       "the handler does not answer until the function's timeout",
	HandlerCrashes:     "the handler's process exits",
	HandlerOutOfMemory: "the environment exceeds its memory and is killed",
	HandlerRubbish:     "the answer is not a report of failures: broken JSON, or another value",
	HandlerPartial:     "the handler processes some records and reports the rest as failed",
	HandlerLies:        "the handler reports records that it was not given, or names them wrongly",
	HandlerLate:        "the handler succeeds after its records have become visible again",
	InvokeThrottled:    "the function has no free concurrency at the last moment",
	InvokeNotRun:       "the platform fails before the handler sees the event",
	InvokeRefused:      "the invocation is refused: the function is gone for a moment",
	InvokeLost:         "the connection to the function breaks, before or after the handler ran",
	SourceThrottles:    "a call to the source exceeds its rate",
	SourceEmpty:        "the source returns nothing although it has records",
	SourceRepeats:      "the source returns a record again that it returned before",
	SourceExpires:      "the iterator of a shard expires",
	SourceUndone:       "a call to the source fails and has no effect",
	SourceDone:         "a call to the source takes effect, and its answer is lost",
	SourceSlow:         "a call to the source takes seconds",
	SourceReshards:     "a shard is split, or two are merged",
	StoreUndone:        "a write fails before it is made",
	StoreDone:          "a write is made, and fails after it",
	StoreConflicts:     "another process has written the checkpoint first",
	StoreSlow:          "a write takes seconds",
	StoreFull:          "the disk is full",
	DestinationRefuses: "the destination refuses a notice until somebody changes something",
	DestinationBusy:    "the destination fails for a moment and has not taken the notice",
	DestinationTwice:   "the destination takes the notice and fails, so that it gets it again",
	EngineStops:        "the engine is stopped gracefully and started again",
	EngineKill:         "the engine is killed and started again",
}

// Meaning returns one line about f for people; it is empty for an unknown fault.
func (f Fault) Meaning() string { return meanings[f] }

// AllFaults returns every fault in alphabetical order.
func AllFaults() []Fault { return slices.Sorted(maps.Keys(meanings)) }

// Rates are the probabilities of faults, from 0 to 1. A fault without a rate is off.
type Rates map[Fault]float64

// Everything returns the rates in which every fault has the same one.
func Everything(rate float64) Rates {
	r := Rates{}
	for f := range meanings {
		r[f] = rate
	}
	return r
}

// ParseRates reads a list of faults separated by commas: "handler-throws,store-undone=0.2". A fault without a rate of its
// own has the rate given; a name may end with * and then stands for every fault that begins so.
func ParseRates(list string, rate float64) (Rates, error) {
	r := Rates{}
	for item := range strings.SplitSeq(list, ",") {
		name, text, own := strings.Cut(strings.TrimSpace(item), "=")
		its := rate
		if own {
			if _, err := fmt.Sscanf(text+"\n", "%g\n", &its); err != nil || !(its >= 0 && its <= 1) {
				return nil, fmt.Errorf("the rate of %s is %q: want a number from 0 to 1", name, text)
			}
		}
		found := matching(name)
		if len(found) == 0 {
			return nil, fmt.Errorf("there is no fault %q: the faults are %s", name, join(AllFaults()))
		}
		for _, f := range found {
			r[f] = its
		}
	}
	return r, nil
}

func matching(name string) (found []Fault) {
	prefix, many := strings.CutSuffix(name, "*")
	for _, f := range AllFaults() {
		if string(f) == name || many && strings.HasPrefix(string(f), prefix) {
			found = append(found, f)
		}
	}
	return found
}

func join(faults []Fault) string {
	names := make([]string, len(faults))
	for i, f := range faults {
		names[i] = string(f)
	}
	return strings.Join(names, ", ")
}
