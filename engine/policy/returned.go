package policy

import (
	"github.com/esm-run/esm/trace"
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

const lateAnswer = "the answer came after the queue's visibility timeout: unless the handler extended it, records were delivered again meanwhile"

// Late warns, in the Detail of a try that succeeded, of an answer that came at the time now when a record of recs had
// returned to the queue already: a second delivery may be under way, and the receipt may no longer delete it. What is to
// be done stays the same.
func Late(o Outcome, recs []esm.Record, now time.Time) Outcome {
	if o.Detail != "" || o.Verdict != trace.Done && o.Verdict != trace.Partial {
		return o
	}
	for _, rec := range recs {
		if !rec.Until.IsZero() && !now.Before(rec.Until) {
			o.Detail = lateAnswer
			return o
		}
	}
	return o
}
