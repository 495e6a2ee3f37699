package trace

// Reason is the named cause of a verdict that is not Done, or of messages that stay in their queue. The set is small and
// the names are stable, so that logs, metrics and traces can be searched and counted by them.
type Reason string

// Reasons of a try that failed although the function ran, or may have run.
const (
	// ReasonFunctionError: the handler reported an error.
	ReasonFunctionError Reason = "FunctionError"

	// ReasonFunctionTimeout: the handler exceeded the function's timeout.
	ReasonFunctionTimeout Reason = "FunctionTimeout"

	// ReasonOutOfMemory: the environment was killed because it exceeded its memory.
	ReasonOutOfMemory Reason = "OutOfMemory"

	// ReasonResponseTooLarge: the handler's response exceeds Lambda's limit.
	ReasonResponseTooLarge Reason = "ResponseTooLarge"

	// ReasonRuntimeError: the environment failed around the handler. Its runtime or an extension crashed, exited, could
	// not be started, or violated the Runtime API.
	ReasonRuntimeError Reason = "RuntimeError"

	// ReasonNoWindowState: the function of a mapping with tumbling windows did not return exactly one state that is not
	// null.
	ReasonNoWindowState Reason = "NoWindowState"

	// ReasonOutcomeUnknown: it is not known whether the handler ran, or is still running.
	ReasonOutcomeUnknown Reason = "OutcomeUnknown"
)

// Reasons of a Partial verdict and of an invalid report of failures (with ReportBatchItemFailures).
const (
	// ReasonItemFailures: a valid report names failed records.
	ReasonItemFailures Reason = "ItemFailures"

	// ReasonBadReportNotJSON: the response is not a single JSON text in UTF-8.
	ReasonBadReportNotJSON Reason = "BadReportNotJSON"

	// ReasonBadReportNotObject: the response is JSON but not an object, null or the empty string.
	ReasonBadReportNotObject Reason = "BadReportNotObject"

	// ReasonBadReportList: batchItemFailures is neither an array nor null, or occurs twice.
	ReasonBadReportList Reason = "BadReportList"

	// ReasonBadReportItem: an element of batchItemFailures does not have exactly one itemIdentifier that is a string and
	// not empty.
	ReasonBadReportItem Reason = "BadReportItem"

	// ReasonBadReportUnknownItem: an itemIdentifier is not the ID of a record of the batch.
	ReasonBadReportUnknownItem Reason = "BadReportUnknownItem"
)

// Reasons of a try that did not run.
const (
	// ReasonThrottled: no permit to run the function was free.
	ReasonThrottled Reason = "Throttled"

	// ReasonNotRun: a temporary failure of the platform.
	ReasonNotRun Reason = "NotRun"

	// ReasonRefused: the invocation cannot succeed until somebody changes something.
	ReasonRefused Reason = "Refused"

	// ReasonEventTooLarge: the event is larger than the function accepts.
	ReasonEventTooLarge Reason = "EventTooLarge"
)

// Reasons for which messages stay in their queue without a try.
const (
	// ReasonNoPermit: no permit was free before the first of the messages was about to become visible again.
	ReasonNoPermit Reason = "NoPermit"

	// ReasonRecordTooLarge: the message fits no invocation even alone, or follows such a message in its group.
	ReasonRecordTooLarge Reason = "RecordTooLarge"

	// ReasonGroupBlocked: an earlier message of the same group stays in the queue.
	ReasonGroupBlocked Reason = "GroupBlocked"

	// ReasonStopping: the mapping was stopped.
	ReasonStopping Reason = "Stopping"

	// ReasonRecursive: the function has caused the message, and was caused by it, too many times in a row; or the message
	// follows such a message in its group.
	ReasonRecursive Reason = "Recursive"

	// ReasonReturned: the messages had become visible again before they could be delivered.
	ReasonReturned Reason = "Returned"

	// ReasonDeleteFailed: the messages were processed but could not be deleted.
	ReasonDeleteFailed Reason = "DeleteFailed"
)
