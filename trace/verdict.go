package trace

import "fmt"

// Verdict classifies the outcome of one try for the records of its batch.
type Verdict int

const (
	// Failed means that every record of the batch failed. It is the zero Verdict, so that a batch nobody judged is kept.
	Failed Verdict = iota

	// Done means that every record was processed.
	Done

	// Partial means that every record was processed except those that the handler reported.
	Partial

	// NotRun means that the function did not see the batch and that trying again may help.
	NotRun

	// Refused means that the function did not see the batch and that trying again will not help by itself.
	Refused
)

// String returns the verdict's name as logs show it.
func (v Verdict) String() string {
	if v < Failed || v > Refused {
		return fmt.Sprintf("Verdict(%d)", int(v))
	}
	return [...]string{"Failed", "Done", "Partial", "NotRun", "Refused"}[v]
}
