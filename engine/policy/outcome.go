package policy

import (
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/esm-run/esm"
	"github.com/esm-run/esm/trace"
)

// MaxDetail is the maximum length of an Outcome's Detail in bytes.
const MaxDetail = 1024

// statusOK is the HTTP status of an invocation that ran.
const statusOK = 200

// Outcome is the outcome of one try.
type Outcome struct {
	Verdict trace.Verdict
	Reason  trace.Reason // for the Verdict; empty if that is Done

	// Failed are the reported IDs if the Verdict is Partial, in the order of the batch, without duplicates.
	Failed []string

	// Detail is for people: the error, the start of the failure's payload, or what is wrong with a report. If the
	// Verdict is Done it is mostly empty; otherwise it warns about an answer that its author probably meant differently,
	// or that came too late. It is valid UTF-8 of at most MaxDetail bytes.
	Detail string
}

// ReadOutcome returns the outcome of one try to invoke a function with recs. The invoker returned resp and err. If report
// is set, FunctionResponseTypes contains ReportBatchItemFailures; otherwise the answer is ignored, even if it is a valid
// report of failures.
//
//   - The function was not run (throttled, being created or updated, 5xx, connection refused): NotRun.
//   - The invocation was refused for good (no such function, access denied, event too large, stopped as recursive):
//     Refused.
//   - After any other error, such as a connection lost after the request, the handler may have run and may still be
//     running. The try is neither repeated at once nor taken for a success: Failed.
//   - The function failed, crashed, timed out or returned too much: Failed, whatever the payload.
//   - The function answered: Done without report; otherwise the answer decides.
//
// AWS: "Handling errors for an SQS event source in Lambda", and the errors of API_Invoke.
func ReadOutcome(recs []esm.Record, resp esm.Response, err error, report bool) Outcome {
	switch {
	case errors.Is(err, esm.ErrThrottled):
		return Outcome{Verdict: trace.NotRun, Reason: trace.ReasonThrottled, Detail: clip(err.Error())}
	case errors.Is(err, esm.ErrNotRun):
		return Outcome{Verdict: trace.NotRun, Reason: trace.ReasonNotRun, Detail: clip(err.Error())}
	case errors.Is(err, esm.ErrTooLarge):
		return Outcome{Verdict: trace.Refused, Reason: trace.ReasonEventTooLarge, Detail: clip(err.Error())}
	case errors.Is(err, esm.ErrRefused):
		return Outcome{Verdict: trace.Refused, Reason: trace.ReasonRefused, Detail: clip(err.Error())}
	case err != nil:
		return failed(trace.ReasonOutcomeUnknown, err.Error())
	case resp.Fault != "":
		return failed(FaultReason(resp.Fault), resp.Fault+": "+start(resp.Payload))
	case resp.Status != 0 && resp.Status != statusOK:
		return failed(trace.ReasonOutcomeUnknown, fmt.Sprintf("status %d: %s", resp.Status, start(resp.Payload)))
	case !report:
		return Outcome{Verdict: trace.Done, Detail: unreadReport(resp.Payload)}
	}
	return readReport(recs, resp.Payload)
}

// ReadStreamOutcome is [ReadOutcome] for records of a stream, where AWS takes JSON that is not an object for a success, as
// observed for [] and "" (AWS: "Configuring partial batch response with Kinesis Data Streams and Lambda").
//
// IDs are sequence numbers. The records of an aggregated record share its number, which then names all of them.
func ReadStreamOutcome(recs []esm.Record, resp esm.Response, err error, report bool) Outcome {
	o := ReadOutcome(recs, resp, err, report)
	if o.Reason == trace.ReasonBadReportNotObject {
		return Outcome{Verdict: trace.Done, Detail: o.Detail}
	}
	return o
}

// FaultReason returns the reason for a kind of function error, the Fault of a response. All kinds have the same effect on records.
func FaultReason(fault string) trace.Reason {
	switch fault {
	case "Sandbox.Timedout", "Sandbox.Timeout":
		return trace.ReasonFunctionTimeout
	case "Runtime.OutOfMemory":
		return trace.ReasonOutOfMemory
	case "Function.ResponseSizeTooLarge":
		return trace.ReasonResponseTooLarge
	}
	for _, platform := range [...]string{"Runtime.", "Sandbox.", "Extension."} {
		if strings.HasPrefix(fault, platform) {
			return trace.ReasonRuntimeError
		}
	}
	return trace.ReasonFunctionError
}

func failed(r trace.Reason, detail string) Outcome {
	return Outcome{Verdict: trace.Failed, Reason: r, Detail: clip(detail)}
}

// start returns the part of a payload that fits into a Detail, and one byte more if there is more.
func start(payload []byte) string { return string(payload[:min(len(payload), MaxDetail+1)]) }

// clip returns text as a Detail.
func clip(text string) string {
	const cut = "…"
	if len(text) <= MaxDetail && utf8.ValidString(text) {
		return text
	}
	text = strings.ToValidUTF8(text[:min(len(text), MaxDetail+1)], "\uFFFD")
	if len(text) <= MaxDetail {
		return text
	}
	end := MaxDetail - len(cut)
	for !utf8.RuneStart(text[end]) {
		end--
	}
	return text[:end] + cut
}
