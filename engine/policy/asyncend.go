package policy

import (
	"time"

	"github.com/esm-run/esm"
)

// Ends returns the notices that an event owes when step ends it at the time now; the caller adds their IDs. A success is
// sent to OnSuccess. Everything else is sent to OnFailure and to the dead-letter queue, independently of each other.
//
// Where there is neither, the event owes a notice without a destination, which is to be kept as undelivered: no event that was
// accepted is lost.
func (a Async) Ends(step EventStep, now time.Time) (owed []esm.OwedNotice) {
	to := a.Target.Config.DestinationConfig
	if step.Condition == esm.Success {
		if arn := to.OnSuccess.Destination; arn != "" {
			owed = append(owed, esm.OwedNotice{Notice: a.notice(step, false, now), Destination: arn})
		}
		return owed
	}
	if arn := to.OnFailure.Destination; arn != "" {
		owed = append(owed, esm.OwedNotice{Notice: a.notice(step, false, now), Destination: arn})
	}
	if arn := a.Target.DeadLetter; arn != "" {
		owed = append(owed, esm.OwedNotice{Notice: a.notice(step, true, now), Destination: arn})
	}
	if len(owed) == 0 {
		owed = append(owed, esm.OwedNotice{Notice: a.notice(step, false, now)})
	}
	return owed
}

// notice returns the notice about an event's end. Its approximateInvokeCount is the number of tries that ran; for a success
// AWS was observed to send 1, however often the event had failed before.
func (a Async) notice(step EventStep, deadLetter bool, now time.Time) esm.Notice {
	e := step.Event
	n := esm.Notice{
		Time: now, RequestID: e.ID, FunctionArn: a.Target.Arn, Condition: step.Condition, Invokes: e.Tries,
		Event:   &esm.EventEnd{DeadLetter: deadLetter, TraceHeader: a.Header(e)},
		Payload: e.Payload,
	}
	if step.Condition == esm.Success {
		n.Invokes = 1
	}
	if last := e.Last; last != nil {
		n.Event.Response, n.Event.Error = last.Payload, last.Error
		if last.Status != 0 {
			n.Response = &last.NoticeResponse
		}
	}
	return n
}
