package policy

import (
	"slices"
	"time"

	"github.com/esm-run/esm"
	"github.com/esm-run/esm/trace"
)

// Queue decides what happens to the records of a queue after a try.
//
// Records are either deleted or left in the queue. A record that is left becomes visible again when its visibility
// timeout ends, and the queue's redrive policy counts its receives (AWS: "Handling errors for an SQS event source in
// Lambda"). This applies to the records of a group too: it is up to the handler to stop at the first failure and to
// report all records after it (AWS: "Using Lambda with Amazon SQS", FIFO queues).
type Queue struct {
	// Pauses is the backoff between tries that did not run.
	Pauses Backoff

	// Margin is the minimum time from the start of a try to the end of the first record's visibility timeout; 0 means 1 s.
	Margin time.Duration
}

// Disposal is what to do with a batch after a try. Either Retry is set, and only Wait besides it; or every record is in
// exactly one of Delete and Left, in the order of the batch.
type Disposal struct {
	// Retry means to call the function again with the same records after Wait.
	Retry bool
	Wait  time.Duration

	// Delete are the records to delete, Left those to leave in the queue.
	Delete, Left []esm.Record

	// Slow means that receiving more does not help now: pause first.
	Slow bool
}

// After decides about recs after a try with outcome o. stalls counts the tries with these records that did not run,
// including this one. The slices of the result share recs.
//
//   - Done deletes all records, Partial all but the reported ones, Failed none.
//   - NotRun retries after a growing pause while there is time before the first record becomes visible again. The last
//     pause is shortened so that the last try starts just in time. Then all records are left. AWS says that Lambda drops
//     them, which means that its poller does.
//   - Refused leaves all records at once and slows the poller down.
func (q Queue) After(recs []esm.Record, o Outcome, stalls int, now time.Time) Disposal {
	switch o.Verdict {
	case trace.Done:
		return Disposal{Delete: recs}
	case trace.Partial:
		return split(recs, o.Failed)
	case trace.NotRun:
		if wait, inTime := q.pause(recs, stalls, now); inTime {
			return Disposal{Retry: true, Wait: wait}
		}
	case trace.Refused:
		return Disposal{Left: recs, Slow: true}
	}
	return Disposal{Left: recs}
}

// pause returns how long to wait before another try, and whether there is time for one.
func (q Queue) pause(recs []esm.Record, stalls int, now time.Time) (wait time.Duration, inTime bool) {
	wait = q.Pauses.Delay(stalls)
	deadline := q.Deadline(recs)
	if deadline.IsZero() {
		return wait, true
	}
	left := deadline.Sub(now)
	return min(wait, left), left > 0
}

// Deadline returns the latest start of a try with recs: Margin before the first of them becomes visible again. It is zero
// if none of them does.
func (q Queue) Deadline(recs []esm.Record) time.Time {
	first := visible(recs)
	if first.IsZero() {
		return first
	}
	margin := q.Margin
	if margin <= 0 {
		margin = time.Second
	}
	return first.Add(-margin)
}

// visible returns when the first of recs becomes visible again; zero if none of them does.
func visible(recs []esm.Record) time.Time {
	var first time.Time
	for _, rec := range recs {
		if !rec.Until.IsZero() && (first.IsZero() || rec.Until.Before(first)) {
			first = rec.Until
		}
	}
	return first
}

// PermitBy returns the latest time recs may wait for a permit: the latest start of a try. If the visibility timeout is so
// short that this time has passed, it is half of what is left of the timeout.
func (q Queue) PermitBy(recs []esm.Record, now time.Time) time.Time {
	first := visible(recs)
	if deadline := q.Deadline(recs); first.IsZero() || deadline.After(now) {
		return deadline
	}
	return now.Add(max(first.Sub(now), 0) / 2)
}

// split deletes the records whose ID is not among failed. If a message occurs twice in the batch, both records are left.
func split(recs []esm.Record, failed []string) Disposal {
	keep := setOf(failed)
	var d Disposal
	for _, rec := range recs {
		if keep[rec.ID] {
			d.Left = append(d.Left, rec)
		} else {
			d.Delete = append(d.Delete, rec)
		}
	}
	return d
}

// Unblocked splits carry, the records that wait for the next batch, after left were left in the queue. A record is
// blocked if left has a record of its group, which it must not overtake: it is left too, and becomes visible after that
// one. All other records pass, including all without a group. Both parts keep the order of carry.
func Unblocked(carry, left []esm.Record) (pass, blocked []esm.Record) {
	groups := make(map[string]bool, len(left))
	for _, rec := range left {
		if rec.Group != "" {
			groups[rec.Group] = true
		}
	}
	if len(groups) == 0 {
		return carry, nil
	}
	for _, rec := range carry {
		if groups[rec.Group] {
			blocked = append(blocked, rec)
		} else {
			pass = append(pass, rec)
		}
	}
	return pass, blocked
}

// Current splits records that have waited into those that are still invisible at the time now, and those that have
// become visible again and may have been received elsewhere, with the later records of their groups. Both parts keep the
// order of recs.
func Current(recs []esm.Record, now time.Time) (current, returned []esm.Record) {
	for _, rec := range recs {
		if hasReturned(rec, now) || follows(returned, rec) {
			returned = append(returned, rec)
		} else {
			current = append(current, rec)
		}
	}
	return current, returned
}

func hasReturned(rec esm.Record, now time.Time) bool {
	return !rec.Until.IsZero() && !now.Before(rec.Until)
}

// Late adds a warning to the Detail of a successful try if a record of recs has become visible again by the time now: it
// may have been delivered a second time, and its receipt may no longer delete it. What to do with the records does not
// change.
func Late(o Outcome, recs []esm.Record, now time.Time) Outcome {
	succeeded := o.Verdict == trace.Done || o.Verdict == trace.Partial
	late := func(rec esm.Record) bool { return hasReturned(rec, now) }
	if o.Detail == "" && succeeded && slices.ContainsFunc(recs, late) {
		o.Detail = "the answer came after the queue's visibility timeout: unless the handler extended it, records were delivered again"
	}
	return o
}
