package policy

import (
	"errors"
	"fmt"
	"github.com/esm-run/esm/trace"
	"net/http"
	"strings"
	"unicode/utf8"

	"github.com/esm-run/esm"
)

// MaxDetail is the most bytes that an Outcome's Detail has.
const MaxDetail = 1024

// Outcome is what came of one try.
type Outcome struct {
	Verdict trace.Verdict

	// Reason says why the verdict is not Done; it is empty when it is.
	Reason trace.Reason

	// Failed are, for Partial alone, the reported IDs in the order of the batch, each once.
	Failed []string

	// Detail is for people: the error, the start of the failure's payload, or what is wrong with a report. With Done
	// it is mostly empty; otherwise it warns of an answer whose author probably meant something else, or that came
	// too late. It is valid UTF-8 of at most MaxDetail bytes.
	Detail string
}

// ReadOutcome reads what came of one try to invoke a function with recs: resp and err are what the invoker returned.
// report says that the mapping's FunctionResponseTypes holds ReportBatchItemFailures; without it an answer is not looked
// at, not even a well-formed list of failures.
//
//   - The invoker says that the function was not run (throttled; the function is being made or updated; 5xx; connection
//     refused): NotRun.
//   - It refused for good (no such function, access denied, request too large, stopped as recursive): Refused.
//   - Any other error, such as a connection lost after the request was sent, leaves open whether the handler ran. It
//     may still run, so the try is neither repeated at once nor believed: Failed.
//   - The function failed, crashed, timed out or answered too much: Failed, whatever the payload holds.
//   - It answered: Done without report; with it, what the answer says.
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
		return failed(reasonOf(resp.Fault), resp.Fault+": "+start(resp.Payload))
	case resp.Status != 0 && resp.Status != http.StatusOK:
		// A function that ran answers with 200; an invoker that says otherwise must not delete anything.
		return failed(trace.ReasonOutcomeUnknown, fmt.Sprintf("status %d: %s", resp.Status, start(resp.Payload)))
	case !report:
		return Outcome{Verdict: trace.Done, Detail: overlooked(resp.Payload)}
	}
	return readReport(recs, resp.Payload)
}

func failed(r trace.Reason, detail string) Outcome {
	return Outcome{Verdict: trace.Failed, Reason: r, Detail: clip(detail)}
}

// start is as much of a payload as a Detail can show.
func start(payload []byte) string { return string(payload[:min(len(payload), MaxDetail+1)]) }

// clip makes text fit for a Detail.
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
