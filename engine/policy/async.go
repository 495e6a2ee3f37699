package policy

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/esm-run/esm"
	"github.com/esm-run/esm/config"
	"github.com/esm-run/esm/trace"
)

// MaxCrashes is the number of tries during which the engine may end before an event's further tries are delayed.
const MaxCrashes = 5

// HTTP statuses of Lambda's Invoke API, which the record of an event's end contains.
const (
	statusBadRequest      = 400
	statusNotFound        = 404
	statusTooLarge        = 413
	statusTooManyRequests = 429
	statusInternalError   = 500
)

// Target describes the function of an asynchronous event. Nothing of it is stored with the event: it is read anew at every
// try.
type Target struct {
	Exists bool
	Arn    string // with the qualifier as requested, or :$LATEST; also of a function that does not exist

	// Config and DeadLetter are those of a function that exists. For one that does not, they say what is known from before.
	Config     config.EventInvokeConfig
	DeadLetter string // ARN; empty means none

	Reserved       *int // the reserved concurrency; nil if nothing is reserved
	AllowRecursion bool // RecursiveLoop is Allow
}

// Async decides what happens to the asynchronous events of one function (AWS: "How Lambda handles errors and retries with
// asynchronous invocation"). An event is decided about before a try by [Async.Before], and by one of [Async.After],
// [Async.Throttled] and [Async.Refused] after it.
//
// Dice are random numbers in [0, 1), which spread the delays.
type Async struct {
	Target Target

	// Scale multiplies the delays; 0 means 1. Ages are not scaled. Where a decision looks ahead, an event's age counts its
	// delays at their full length, so that it ends after the same number of tries with any Scale.
	Scale float64
}

// EventStep is a decision about an event. It waits until Event.Due, or it has ended.
type EventStep struct {
	// Event is the event with what is known after the step: its counters and its last result.
	Event esm.Event

	// Condition says how the event has ended. Empty means that it waits.
	Condition esm.Condition

	// Tried means that the step follows a try. A try has an age, and counts as throttled if that is its Reason.
	Tried   bool
	Verdict trace.Verdict
	Reason  trace.Reason
	Detail  string // for people
}

// Header returns the trace header of e's invocation, which counts it in its lineage, and of the notices about its end.
func (a Async) Header(e esm.Event) string { return Advance(e.TraceHeader, e.Function) }

// Before decides about e before a try at the time now. It returns false if e is to be tried.
//
//   - A function that does not exist is a failed try.
//   - A function without concurrency ends the event at once.
//   - An event that is too old ends. So does one in a loop.
//   - An event that may be the reason why the engine ended, again and again, waits as if its function could not be run.
func (a Async) Before(e esm.Event, now time.Time, dice float64) (EventStep, bool) {
	t := a.Target
	switch {
	case !t.Exists:
		return a.Refused(e, "", now, dice), true
	case t.Reserved != nil && *t.Reserved == 0:
		e.Last = &esm.EventResult{Error: "Function not invoked. Function isconfigured with zero reserved concurrent executions"}
		return EventStep{Event: e, Condition: esm.ZeroReservedConcurrency}, true
	case Age(e, now) > t.Config.MaxAge():
		if e.Last == nil {
			e.Last = &esm.EventResult{Error: "Event age exceeded."}
		}
		return EventStep{Event: e, Condition: esm.EventAgeExceeded}, true
	case !t.AllowRecursion && Recursive(e.TraceHeader, e.Function):
		e.Last = &esm.EventResult{NoticeResponse: esm.NoticeResponse{Status: statusBadRequest}, Error: recursionText}
		return EventStep{Event: e, Condition: esm.RecursiveInvocation}, true
	case e.Crashes >= MaxCrashes:
		e.Crashes = MaxCrashes - 1 // the next crash delays it again
		return a.stall(e, trace.ReasonNotRun, statusInternalError, "The engine ended during each of the event's last tries.", now, dice), true
	}
	return EventStep{}, false
}

// ExpiresAt returns the time after which Before ends e because of its age.
func (a Async) ExpiresAt(e esm.Event) time.Time { return e.Accepted.Add(a.Target.Config.MaxAge()) }

// After decides about e after a try that ended at the time now: the invoker returned resp and err.
//
//   - The function succeeded, or failed in the middle of a streamed response: the event has ended. An unfinished response is
//     left out of the record, which says that there is none in JSON.
//   - The function failed: one of MaximumRetryAttempts is used up. The next try follows a minute after the first and two
//     minutes after the second, unless the event will be too old by then.
//   - The invocation was refused: as if the function had failed, since it does not help to try often.
//   - Any other error of the invoker, or a response that does not come from the function: it is not known whether the
//     function ran. No retry is used up, and the delays are those of throttling.
func (a Async) After(e esm.Event, resp esm.Response, err error, now time.Time, dice float64) EventStep {
	if err == nil && resp.Streamed && resp.Fault != "" {
		resp.Fault, resp.Payload = "", nil // the payload describes the failure and is no answer
	}
	o := ReadOutcome(nil, resp, err, false)
	switch {
	case o.Reason == trace.ReasonThrottled:
		return a.Throttled(e, now, dice)
	case o.Verdict == trace.Refused:
		return a.refused(e, o, err, now, dice)
	case o.Verdict == trace.NotRun, o.Reason == trace.ReasonOutcomeUnknown:
		return a.stall(e, o.Reason, cmp.Or(resp.Status, statusInternalError), o.Detail, now, dice)
	}
	step := EventStep{Event: e, Tried: true, Verdict: o.Verdict, Reason: o.Reason}
	step.Event.Tries, step.Event.Throttles, step.Event.Crashes = e.Tries+1, 0, 0
	step.Event.Last = &esm.EventResult{NoticeResponse: *noticeResponse(resp), Payload: resp.Payload}
	if o.Verdict == trace.Done {
		step.Condition = esm.Success
		return step
	}
	step.Detail, step.Event.Last.Error = o.Detail, message(resp.Payload)
	return a.failed(step, e, now, dice)
}

// Throttled decides about e after a try that began at the time began and found no permit.
func (a Async) Throttled(e esm.Event, began time.Time, dice float64) EventStep {
	return a.stall(e, trace.ReasonThrottled, statusTooManyRequests, "Rate Exceeded.", began, dice)
}

// Refused decides about e after a try at the time now for which there is no function. Detail is for people; it may be
// empty.
func (a Async) Refused(e esm.Event, detail string, now time.Time, dice float64) EventStep {
	text := "Function not found: " + a.Target.Arn
	return a.unrun(e, Outcome{trace.Refused, trace.ReasonRefused, nil, clip(cmp.Or(detail, text))}, statusNotFound, text, now, dice)
}

// statusCoder is implemented by errors of HTTP responses.
type statusCoder interface{ HTTPStatusCode() int }

// refused decides about e after an invocation that was refused.
func (a Async) refused(e esm.Event, o Outcome, err error, now time.Time, dice float64) EventStep {
	status := statusNotFound
	var response statusCoder
	switch {
	case errors.Is(err, esm.ErrTooLarge):
		status = statusTooLarge
	case errors.As(err, &response) && response.HTTPStatusCode() >= statusBadRequest:
		status = response.HTTPStatusCode()
	}
	if status == statusNotFound {
		return a.Refused(e, o.Detail, now, dice)
	}
	return a.unrun(e, o, status, err.Error(), now, dice)
}

// unrun is a try that did not run and counts like one that failed.
func (a Async) unrun(e esm.Event, o Outcome, status int, text string, now time.Time, dice float64) EventStep {
	step := EventStep{Event: e, Tried: true, Verdict: o.Verdict, Reason: o.Reason, Detail: o.Detail}
	step.Event.Tries, step.Event.Throttles = e.Tries+1, 0
	step.Event.Last = &esm.EventResult{NoticeResponse: esm.NoticeResponse{Status: status}, Error: firstBytes(text)}
	return a.failed(step, e, now, dice)
}

// failed decides after a failed try of before, whose result step has already.
func (a Async) failed(step EventStep, before esm.Event, now time.Time, dice float64) EventStep {
	tries := step.Event.Tries
	if tries > a.Target.Config.Retries() {
		step.Condition = esm.RetriesExhausted
		return step
	}
	return a.wait(step, before, functionErrorDelay(tries), now, dice)
}

// stall decides after a try that may not have run, from which the delay is counted. It uses up no retry.
func (a Async) stall(e esm.Event, why trace.Reason, status int, text string, from time.Time, dice float64) EventStep {
	step := EventStep{Event: e, Tried: true, Verdict: trace.NotRun, Reason: why, Detail: text}
	if why == trace.ReasonOutcomeUnknown {
		step.Verdict = trace.Failed
	}
	step.Event.Throttles++
	step.Event.Last = &esm.EventResult{NoticeResponse: esm.NoticeResponse{Status: status}, Error: firstBytes(text)}
	return a.wait(step, e, throttleDelay(e.Throttles), from, dice)
}

// wait makes the event of step due after a delay, or ends it now if it will be too old by then: Lambda looks ahead. Even if
// dice shorten the delay, one as long as the maximum age is too long: at an age of at most 60 s, AWS never tries again after
// a failure.
func (a Async) wait(step EventStep, before esm.Event, d delay, from time.Time, dice float64) EventStep {
	actual := d.spread(dice)
	if a.unscaledAge(before, from)+max(actual, d.nominal) >= a.Target.Config.MaxAge() {
		step.Condition = esm.EventAgeExceeded
		return step
	}
	step.Event.Due = from.Add(a.scaled(actual))
	return step
}

// Age returns the age of e: 0 if the clock was set back behind its acceptance.
func Age(e esm.Event, now time.Time) time.Duration { return max(now.Sub(e.Accepted), 0) }

// message returns the errorMessage of a failure's payload, or the start of a payload that has none.
func message(payload json.RawMessage) string {
	var failure struct {
		Message *string `json:"errorMessage"`
	}
	if json.Unmarshal(payload, &failure) == nil && failure.Message != nil {
		return firstBytes(*failure.Message)
	}
	return firstBytes(string(payload[:min(len(payload), esm.MaxErrorMessage+1)]))
}

// firstBytes returns the first bytes of a text as Lambda puts them into a dead letter: a character that is cut off is
// replaced.
func firstBytes(text string) string {
	return strings.ToValidUTF8(text[:min(len(text), esm.MaxErrorMessage)], "\uFFFD")
}

var recursionText = fmt.Sprintf("The function was invoked more than %d times in one chain of events, which looks like a loop: "+
	"set its RecursiveLoop to Allow if that is intended.", MaxPasses)
