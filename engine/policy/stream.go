package policy

import (
	"github.com/esm-run/esm/trace"
	"net/http"
	"slices"
	"time"

	"github.com/esm-run/esm"
)

// Run is a row of records of one lane that is invoked as one batch until it comes to its end. A run that changes is
// another run: it has tries and an ID of its own.
type Run struct {
	ID      string // of its invocations; empty until the caller makes one
	Records []esm.Record
	Tries   int // that ran, or were counted as if
	Stalls  int // that did not run, or may not have, since the last one that did

	// Response is what came of the last try of a run that is Spent, as far as it is known.
	Response *esm.NoticeResponse
}

// Step is what to do about a run. Its fields are effects, to be carried out in their order: a crash between two of them
// then repeats work and never loses it.
//
// Every record of the run is in exactly one of Settled and Next, in order.
type Step struct {
	// 1. Tell the destination that Dropped are given up. Nothing is, unless Why says so.
	Dropped  []esm.Record
	Why      esm.Condition
	Count    int                 // the notice's approximateInvokeCount
	Response *esm.NoticeResponse // nil when the records expired, or fit no invocation

	// 2. Settle these, a prefix of the run. Dropped is part of it.
	Settled []esm.Record

	// 3. Wait.
	Wait time.Duration

	// 4. Go on with these, the oldest first, each to its end before the next. One with an empty ID gets a new one; one
	// that repeats has kept its own.
	Next []Run
}

// Stream decides what happens to the records of a stream: in order, none before the one ahead of it is settled (AWS:
// "Using Lambda with Kinesis" and "Using Lambda with DynamoDB", error handling). Its zero value gives up at the first
// failure.
type Stream struct {
	// MaxRetries is how many tries may follow the first; below 0 there is no end.
	MaxRetries int

	// MaxAge is how old a record may become; 0 or less is for ever.
	MaxAge time.Duration

	// Retention is how long the stream itself keeps a record; 0 or less is not known. A record that is past it could
	// not be read again, and is given up like one past MaxAge, but not before it was tried once.
	Retention time.Duration

	// Bisect says that a run that failed is halved as long as it can be.
	Bisect bool

	// Backoff is made between tries with the same run. Base and Max of zero mean 200 ms and 60 s.
	Backoff Backoff
}

// Expire decides about a run that is to be invoked: its oldest records that are too old at the time now are given up
// without an invocation. It says false when there are none. It is asked before every invocation.
//
// Arrival times need not ascend. Only the head is judged: what comes behind a record that is young enough waits for its
// turn.
func (s Stream) Expire(r Run, now time.Time) (Step, bool) {
	s = s.of(r)
	n := 0
	for n < len(r.Records) && s.expired(r.Records[n], now) {
		n++
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
		// Whether the function can be reached has nothing to do with which records it is to get.
		step.Next = []Run{{Records: rest, Stalls: r.Stalls}}
	}
	return step, true
}

// After decides about a run after a try that ended as o and resp say.
//
//   - Refused as too large: see [Stream.Oversized].
//   - Not run, otherwise refused, or an outcome that nobody knows: the same run again after a pause. This costs no retry.
//   - Done: all is settled.
//   - A report whose first failed record is not the run's first: the records before it are settled, and it and all
//     behind it are a new run, also those that the handler did not report.
//   - Any other failure, of a run that may be halved: two new runs, at once. This costs no retry.
//   - Any other failure: the same run again after a pause; when no retry is left, it is given up, also what the handler
//     did not report.
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

// Spent decides about a run that is to be invoked although its tries are used up: those were counted before a restart, or
// the limit is lower now. It is halved, if that is allowed by now and no notice may tell of it yet, or given up, without an
// invocation. It says false when a try is left. It is asked before every invocation.
func (s Stream) Spent(r Run) (Step, bool) {
	switch {
	case s.MaxRetries < 0 || r.Tries <= s.MaxRetries:
		return Step{}, false
	case s.Bisect && len(r.Records) > 1 && r.Response == nil:
		return Step{Next: halves(r.Records)}, true
	}
	return Step{Dropped: r.Records, Why: esm.RetryAttemptsExhausted, Count: r.Tries, Response: r.Response, Settled: r.Records}, true
}

// Counted is r with the last try that step gives it up after, and true if there is one that was not counted before: sending
// a notice may take long, and a crash meanwhile is not to cost another invocation.
func Counted(r Run, step Step) (Run, bool) {
	if step.Why != esm.RetryAttemptsExhausted || step.Count <= r.Tries {
		return r, false // it was not tried
	}
	r.Tries, r.Response = step.Count, step.Response
	return r, true
}

// Oversized decides about a run that is larger than an invocation takes. More than one record are halved. A single one
// can never be invoked; it is treated as if its tries had been made and had failed (AWS: "Using Lambda with Kinesis",
// large records).
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
	return Step{
		Dropped: r.Records, Why: esm.RetryAttemptsExhausted, Count: r.Tries, Response: resp,
		Settled: r.Records,
	}
}

// again repeats r after the nth pause, which never lasts longer than r's first record may live.
func (s Stream) again(r Run, n int, now time.Time) Step {
	wait := s.pause(n)
	if len(r.Records) > 0 {
		if end := s.end(r.Records[0]); !end.IsZero() {
			wait = max(min(wait, end.Sub(now)), 0)
		}
	}
	return Step{Wait: wait, Next: []Run{r}}
}

// pause is the nth: 200 ms, 400 ms, … as AWS was measured to make them. AWS's longest is not known.
func (s Stream) pause(n int) time.Duration {
	b := s.Backoff
	if b.Base <= 0 {
		b.Base = 200 * time.Millisecond
	}
	if b.Max <= 0 {
		b.Max = time.Minute
	}
	return b.Delay(n)
}

// ExpiresAt is the moment from which on Expire finds the oldest record of r too old; zero is never.
func (s Stream) ExpiresAt(r Run) time.Time {
	if len(r.Records) == 0 {
		return time.Time{}
	}
	return s.of(r).end(r.Records[0])
}

// of is s for r: a run that was never tried is not given up because the stream keeps it no longer.
func (s Stream) of(r Run) Stream {
	if r.Tries+r.Stalls == 0 {
		s.Retention = 0
	}
	return s
}

// end is the moment from which on rec is too old; zero is never.
func (s Stream) end(rec esm.Record) time.Time {
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
	end := s.end(rec)
	return !end.IsZero() && !now.Before(end)
}

// firstFailed is the place of the first record that a report names; 0 without such a report. Records are in the order of
// their sequence numbers, so this is the lowest one that AWS speaks of. Records with the same ID came out of one that
// was aggregated: the first of them stands for all.
func firstFailed(recs []esm.Record, o Outcome) int {
	if o.Verdict != trace.Partial {
		return 0
	}
	failed := make(map[string]bool, len(o.Failed))
	for _, id := range o.Failed {
		failed[id] = true
	}
	return max(slices.IndexFunc(recs, func(rec esm.Record) bool { return failed[rec.ID] }), 0)
}

// halves are two new runs; of an odd number, the first is the shorter one.
func halves(recs []esm.Record) []Run {
	mid := len(recs) / 2
	return []Run{{Records: recs[:mid:mid]}, {Records: recs[mid:]}}
}

// noticeResponse is what AWS tells of a try that failed. However it failed, X-Amz-Function-Error says Unhandled, or in
// rare cases Handled; nothing is said of a failure that the handler reported in its answer.
func noticeResponse(resp esm.Response) *esm.NoticeResponse {
	n := &esm.NoticeResponse{Status: resp.Status, Version: resp.Version, Fault: resp.Fault}
	if n.Status == 0 {
		n.Status = http.StatusOK
	}
	if n.Fault != "" && n.Fault != "Handled" {
		n.Fault = "Unhandled"
	}
	return n
}
