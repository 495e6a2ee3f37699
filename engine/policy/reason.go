package policy

import "strings"

// Reason is the named cause of an outcome that is not Done, or of records being left. There are few of them and their
// spelling stays, so that logs, metrics and traces can be searched and counted by them.
type Reason string

// Why a try failed although the function was run, or may have been.
const (
	// ReasonFunctionError is an error that the handler itself reported, after whatever part of the batch.
	ReasonFunctionError Reason = "FunctionError"

	// ReasonFunctionTimeout is a handler that took longer than the function's timeout.
	ReasonFunctionTimeout Reason = "FunctionTimeout"

	// ReasonOutOfMemory is an environment that was ended for using more memory than it has.
	ReasonOutOfMemory Reason = "OutOfMemory"

	// ReasonResponseTooLarge is an answer beyond what Lambda passes on.
	ReasonResponseTooLarge Reason = "ResponseTooLarge"

	// ReasonRuntimeError is an environment that failed around the handler: its runtime or an extension crashed,
	// exited, could not be started, or did not keep to the Runtime API.
	ReasonRuntimeError Reason = "RuntimeError"

	// ReasonOutcomeUnknown is a try of which nobody knows whether the handler ran or still runs.
	ReasonOutcomeUnknown Reason = "OutcomeUnknown"
)

// Why an answer is Partial, or not a valid report of failures (with ReportBatchItemFailures).
const (
	// ReasonItemFailures is a valid report that names failed records.
	ReasonItemFailures Reason = "ItemFailures"

	// ReasonBadReportNotJSON is an answer that is not one JSON text in UTF-8.
	ReasonBadReportNotJSON Reason = "BadReportNotJSON"

	// ReasonBadReportNotObject is an answer that is JSON but neither an object, nor null, nor the empty string.
	ReasonBadReportNotObject Reason = "BadReportNotObject"

	// ReasonBadReportList is a batchItemFailures that is neither an array nor null, or that is there twice.
	ReasonBadReportList Reason = "BadReportList"

	// ReasonBadReportItem is an element of batchItemFailures without exactly one itemIdentifier that is a string and
	// not empty.
	ReasonBadReportItem Reason = "BadReportItem"

	// ReasonBadReportUnknownItem is an itemIdentifier that is not the ID of a record of the batch.
	ReasonBadReportUnknownItem Reason = "BadReportUnknownItem"
)

// Why a try surely did not run.
const (
	// ReasonThrottled is that no permit to run the function was free.
	ReasonThrottled Reason = "Throttled"

	// ReasonNotRun is a passing trouble of the platform.
	ReasonNotRun Reason = "NotRun"

	// ReasonRefused is an invocation that cannot succeed until somebody changes something.
	ReasonRefused Reason = "Refused"

	// ReasonEventTooLarge is an invocation that is refused because its event is larger than the function takes.
	ReasonEventTooLarge Reason = "EventTooLarge"
)

// Why records are left although no try was made with them.
const (
	// ReasonNoPermit is that no permit came before the first of the records was about to return to the queue.
	ReasonNoPermit Reason = "NoPermit"

	// ReasonRecordTooLarge is a record that fits no invocation even alone, or that follows one in its group.
	ReasonRecordTooLarge Reason = "RecordTooLarge"

	// ReasonGroupBlocked is an earlier record of the same group that was left.
	ReasonGroupBlocked Reason = "GroupBlocked"

	// ReasonStopping is that the mapping was stopped.
	ReasonStopping Reason = "Stopping"

	// ReasonReturned is that the records had returned to the queue before their turn came.
	ReasonReturned Reason = "Returned"

	// ReasonDeleteFailed is that the records were handled but could not be deleted.
	ReasonDeleteFailed Reason = "DeleteFailed"
)

// reasonOf tells the kinds of function error apart. To the records they are all the same.
func reasonOf(fault string) Reason {
	switch fault {
	case "Sandbox.Timedout", "Sandbox.Timeout":
		return ReasonFunctionTimeout
	case "Runtime.OutOfMemory":
		return ReasonOutOfMemory
	case "Function.ResponseSizeTooLarge":
		return ReasonResponseTooLarge
	}
	for _, platform := range [...]string{"Runtime.", "Sandbox.", "Extension."} {
		if strings.HasPrefix(fault, platform) {
			return ReasonRuntimeError
		}
	}
	return ReasonFunctionError
}
