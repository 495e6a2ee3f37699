package policy

import (
	"github.com/esm-run/esm/trace"
	"time"

	"github.com/esm-run/esm"
)

// Queue decides what happens to a queue's records after a try.
//
// Nothing is ever done to a record but deleting it: one that is left returns to the queue by itself when its own
// visibility timeout ends, and the queue's redrive policy counts its receives (AWS: "Handling errors for an SQS event
// source in Lambda"). Records of one group get no other treatment: stopping at the first failure and reporting all that
// follows is the handler's part (AWS: "Using Lambda with Amazon SQS", FIFO queues).
type Queue struct {
	// Pauses are made between tries that did not run.
	Pauses Backoff

	// Margin is how long before the first record returns to the queue the last try may start; 0 means 1 s.
	Margin time.Duration
}

// Disposal is what is to be done with a batch after a try. Either Retry is set and nothing else but Wait; or every record
// is in exactly one of Delete and Left, in the order of the batch.
type Disposal struct {
	// Retry says: wait as long as Wait says, then call the function again with the same records.
	Retry bool
	Wait  time.Duration

	// Delete are settled for good. Left stay as they are.
	Delete, Left []esm.Record

	// Slow says that receiving more will not help now: pause first.
	Slow bool
}

// After decides about recs after a try that ended as o says. stalls counts the tries with these records that did not
// run, this one included. The slices in the answer share recs.
//
//   - Done deletes all, Partial all but the reported, Failed none.
//   - NotRun is tried again after a growing pause while time is left before the first record returns to the queue. A
//     pause that would take longer is cut short, so that the last try starts just in time. Then all are left: AWS
//     says that Lambda drops them, and means that its poller does.
//   - Refused leaves all, at once, and slows the poller down.
func (q Queue) After(recs []esm.Record, o Outcome, stalls int, now time.Time) Disposal {
	switch o.Verdict {
	case trace.Done:
		return Disposal{Delete: recs}
	case trace.Partial:
		return parted(recs, o.Failed)
	case trace.NotRun:
		if wait, inTime := q.pause(recs, stalls, now); inTime {
			return Disposal{Retry: true, Wait: wait}
		}
		return Disposal{Left: recs}
	case trace.Refused:
		return Disposal{Left: recs, Slow: true}
	}
	return Disposal{Left: recs}
}

// pause is how long to wait before another try, and whether there is time for one.
func (q Queue) pause(recs []esm.Record, stalls int, now time.Time) (wait time.Duration, inTime bool) {
	wait = q.Pauses.Delay(stalls)
	deadline := q.Deadline(recs)
	if deadline.IsZero() {
		return wait, true
	}
	left := deadline.Sub(now)
	return min(wait, left), left > 0
}

// Deadline is when the last try with recs may start: Margin before the first of them returns to the queue. It is zero if
// none of them ever does.
func (q Queue) Deadline(recs []esm.Record) time.Time {
	first := returns(recs)
	if first.IsZero() {
		return first
	}
	margin := q.Margin
	if margin <= 0 {
		margin = time.Second
	}
	return first.Add(-margin)
}

// returns is when the first of recs returns to the queue; zero if none of them ever does.
func returns(recs []esm.Record) time.Time {
	var first time.Time
	for _, rec := range recs {
		if !rec.Until.IsZero() && (first.IsZero() || rec.Until.Before(first)) {
			first = rec.Until
		}
	}
	return first
}

// PermitBy is until when recs may wait for a permit at the time now: until the last try with them may start. Where the
// visibility timeout is so short that this is over already, half of what is left of it remains.
func (q Queue) PermitBy(recs []esm.Record, now time.Time) time.Time {
	first := returns(recs)
	if deadline := q.Deadline(recs); first.IsZero() || deadline.After(now) {
		return deadline
	}
	return now.Add(max(first.Sub(now), 0) / 2)
}

// parted deletes the records whose ID is not among failed. All records with a failed ID are left, should one message
// be in the batch twice.
func parted(recs []esm.Record, failed []string) Disposal {
	keep := make(map[string]bool, len(failed))
	for _, id := range failed {
		keep[id] = true
	}
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

// Unblocked parts the records that wait for the next batch, once left were left behind by this one. A record whose group
// has one among left is blocked: handling it now would overtake that one. Blocked records are left as well and return to
// the queue behind it. All others pass, those without a group always. Both parts keep the order of carry.
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
