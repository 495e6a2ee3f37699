package policy

import (
	"cmp"
	"slices"
	"time"

	"github.com/esm-run/esm"
	"github.com/esm-run/esm/trace"
)

// Run is a sequence of records of one lane that is invoked as one batch. A run that is cut or shortened becomes other
// runs, with tries and IDs of their own. A run without records is the final invocation of a tumbling window.
type Run struct {
	ID      string // of its invocations; empty until the caller sets one
	Records []esm.Record
	Tries   int // tries that ran, or were counted as if they had
	Stalls  int // tries that did not run, or may not have, since the last one that did

	// Response describes the last try of a run whose tries are used up, as far as it is known.
	Response *esm.NoticeResponse
}

// Step is what to do about a run. Its fields are effects, to be carried out in this order, so that a crash between two of
// them repeats work and never loses it.
//
// Every record of the run is in exactly one of Settled and Next, in order.
type Step struct {
	// 1. Send a notice about Dropped to the destination, unless Why is empty. Dropped is empty for a final invocation.
	Dropped  []esm.Record
	Why      esm.Condition
	Count    int                 // the notice's approximateInvokeCount
	Response *esm.NoticeResponse // nil if the records expired or fit no invocation

	// 2. Settle these records, a prefix of the run that includes Dropped. Save Window with them; nil leaves the shard's
	// window as it is.
	Settled []esm.Record
	Window  *esm.Window

	// 3. Wait.
	Wait time.Duration

	// 4. Continue with these runs, oldest first, each to its end before the next. A run with an empty ID gets a new one;
	// a run that is repeated keeps its ID.
	Next []Run
}

// Stream decides what happens to the records of a stream. They are processed in order: no record before the one ahead of
// it is settled (AWS: "Using Lambda with Kinesis" and "Using Lambda with DynamoDB", error handling). The zero Stream gives
// up at the first failure.
type Stream struct {
	// MaxRetries is the number of tries after the first; negative means no limit.
	MaxRetries int

	// MaxAge is the maximum age of a record; 0 or less means no limit.
	MaxAge time.Duration

	// Retention is how long the stream keeps a record; 0 or less means unknown. A record that is older could not be read
	// again and is given up like one above MaxAge, but only after it was tried once.
	Retention time.Duration

	// Bisect means that a failed run is halved while it has more than one record.
	Bisect bool

	// Backoff is the backoff between tries with the same run. A Base and Max of zero mean 200 ms and 60 s.
	Backoff Backoff
}

// Expire decides about a run before an invocation: its oldest records that are too old at the time now are given up
// without an invocation. It returns false if there are none.
//
// Arrival times need not be in order. A record that is too old but follows one that is not waits for its turn.
func (s Stream) Expire(r Run, now time.Time) (Step, bool) {
	s = s.limits(r)
	n := slices.IndexFunc(r.Records, func(rec esm.Record) bool { return !s.expired(rec, now) })
	if n < 0 {
		n = len(r.Records)
	}
	if n == 0 {
		return Step{}, false
	}
	step := Step{
		Dropped: r.Records[:n:n], Why: esm.RecordAgeExceeded,
		Count:   r.Tries + 1, // AWS counts the try that finds the records too old
		Settled: r.Records[:n:n],
	}
	if rest := r.Records[n:]; len(rest) > 0 {
		step.Next = []Run{{Records: rest, Stalls: r.Stalls}} // stalls do not depend on the records
	}
	return step, true
}

// After decides about a run after a try with outcome o and response resp.
//
//   - Refused as too large: see [Stream.Oversized].
//   - Not run, otherwise refused, or outcome unknown: the same run again after a pause. This uses up no retry.
//   - Done: all records are settled.
//   - A report whose first failed record is not the run's first: the records before it are settled. It and all records
//     after it, reported or not, are a new run.
//   - Any other failure of a run that may be halved: two new runs at once. This uses up no retry.
//   - Any other failure: the same run again after a pause. If no retry is left, all its records are given up, including
//     those that the handler did not report.
func (s Stream) After(r Run, o Outcome, resp esm.Response, now time.Time) Step {
	switch {
	case o.Reason == trace.ReasonEventTooLarge:
		return s.Oversized(r, now)
	case o.Verdict == trace.NotRun, o.Verdict == trace.Refused, o.Reason == trace.ReasonOutcomeUnknown:
		r.Stalls++
		return s.again(r, r.Stalls, now)
	case o.Verdict == trace.Done:
		return Step{Settled: r.Records}
	}
	r.Stalls, r.Response = 0, nil
	if i := firstFailed(r.Records, o); i > 0 {
		return Step{Settled: r.Records[:i:i], Next: []Run{{Records: r.Records[i:]}}}
	}
	if s.Bisect && len(r.Records) > 1 {
		return Step{Next: halves(r.Records)}
	}
	return s.fail(r, noticeResponse(resp), now)
}

// Spent decides about a run before an invocation if its tries are used up: they were counted before a restart, or the
// limit is lower now. The run is halved if that is allowed now and no notice about it may have been sent yet; otherwise it
// is given up. It returns false if a try is left.
func (s Stream) Spent(r Run) (Step, bool) {
	switch {
	case s.MaxRetries < 0 || r.Tries <= s.MaxRetries:
		return Step{}, false
	case s.Bisect && len(r.Records) > 1 && r.Response == nil:
		return Step{Next: halves(r.Records)}, true
	}
	return giveUp(r, r.Response), true
}

// Counted returns r with the last try counted if step gives it up after a try that was not counted yet, and whether it
// does. Saving the result before the notice is sent, which may take long, keeps a crash from causing another invocation.
func Counted(r Run, step Step) (Run, bool) {
	if step.Why != esm.RetryAttemptsExhausted || step.Count <= r.Tries {
		return r, false
	}
	r.Tries, r.Response = step.Count, step.Response
	return r, true
}

// Oversized decides about a run whose event is too large for an invocation. A run of several records is halved. A single
// record can never be invoked: its tries count as made and failed (AWS: "Using Lambda with Kinesis", large records).
func (s Stream) Oversized(r Run, now time.Time) Step {
	if len(r.Records) > 1 {
		return Step{Next: halves(r.Records)}
	}
	return s.fail(r, nil, now)
}

// fail counts a try that failed as a whole.
func (s Stream) fail(r Run, resp *esm.NoticeResponse, now time.Time) Step {
	r.Tries++
	if s.MaxRetries < 0 || r.Tries <= s.MaxRetries {
		return s.again(r, r.Tries, now)
	}
	return giveUp(r, resp)
}

func giveUp(r Run, resp *esm.NoticeResponse) Step {
	return Step{
		Dropped: r.Records, Why: esm.RetryAttemptsExhausted, Count: r.Tries, Response: resp,
		Settled: r.Records,
	}
}

// again repeats r after the nth backoff, capped at the expiry of r's first record. The delays of 200 ms, 400 ms, … were
// measured on AWS, whose maximum is unknown.
func (s Stream) again(r Run, n int, now time.Time) Step {
	b := s.Backoff
	b.Base, b.Max = cmp.Or(max(b.Base, 0), 200*time.Millisecond), cmp.Or(max(b.Max, 0), time.Minute)
	wait := b.Delay(n)
	if len(r.Records) > 0 {
		if expiry := s.expiry(r.Records[0]); !expiry.IsZero() {
			wait = max(min(wait, expiry.Sub(now)), 0)
		}
	}
	return Step{Wait: wait, Next: []Run{r}}
}

// ExpiresAt returns the time from which on Expire gives up the oldest record of r; zero means never.
func (s Stream) ExpiresAt(r Run) time.Time {
	if len(r.Records) == 0 {
		return time.Time{}
	}
	return s.limits(r).expiry(r.Records[0])
}

// limits returns s without its Retention if r was never tried.
func (s Stream) limits(r Run) Stream {
	if r.Tries+r.Stalls == 0 {
		s.Retention = 0
	}
	return s
}

// expiry returns the time from which on rec is too old; zero means never.
func (s Stream) expiry(rec esm.Record) time.Time {
	age := s.MaxAge
	if age <= 0 || s.Retention > 0 && s.Retention < age {
		age = s.Retention
	}
	if age <= 0 || rec.Arrived.IsZero() {
		return time.Time{}
	}
	return rec.Arrived.Add(age)
}

func (s Stream) expired(rec esm.Record, now time.Time) bool {
	expiry := s.expiry(rec)
	return !expiry.IsZero() && !now.Before(expiry)
}

// firstFailed returns the index of the first record that a report names, 0 without such a report. Records are in the order
// of their sequence numbers, so this is the lowest reported number. Of the records of an aggregated record, which share
// its ID, it is the first.
func firstFailed(recs []esm.Record, o Outcome) int {
	if o.Verdict != trace.Partial {
		return 0
	}
	failed := setOf(o.Failed)
	return max(slices.IndexFunc(recs, func(rec esm.Record) bool { return failed[rec.ID] }), 0)
}

// halves returns two new runs. If the number of records is odd, the first is the shorter one.
func halves(recs []esm.Record) []Run {
	mid := len(recs) / 2
	return []Run{{Records: recs[:mid:mid]}, {Records: recs[mid:]}}
}

// noticeResponse returns how a notice describes a failed try. As on AWS, X-Amz-Function-Error is Unhandled, rarely
// Handled, whatever the failure; it is missing if the handler reported the failure in its answer.
func noticeResponse(resp esm.Response) *esm.NoticeResponse {
	n := &esm.NoticeResponse{Status: cmp.Or(resp.Status, statusOK), Version: resp.Version, Fault: resp.Fault}
	if n.Fault != "" && n.Fault != "Handled" {
		n.Fault = "Unhandled"
	}
	return n
}
