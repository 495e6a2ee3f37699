package policy

import (
	"time"

	"github.com/esm-run/esm"
)

// Current parts records that waited for their turn: those that are still invisible to others at the time now, and those
// that have returned to the queue meanwhile and may be in other hands already. A group's later records go with its
// earlier ones. Both parts keep the order of recs.
func Current(recs []esm.Record, now time.Time) (current, returned []esm.Record) {
	for _, rec := range recs {
		gone := !rec.Until.IsZero() && !now.Before(rec.Until)
		if gone || follows(returned, rec) {
			returned = append(returned, rec)
		} else {
			current = append(current, rec)
		}
	}
	return current, returned
}
