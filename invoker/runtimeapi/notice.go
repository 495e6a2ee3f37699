package runtimeapi

import (
	"encoding/json"
	"net/http"
	"time"

	"github.com/google/uuid"
)

// Events to which an extension can subscribe.
const (
	invokeEvent   = "INVOKE"
	shutdownEvent = "SHUTDOWN"
)

// Reason is why an environment ends, as extensions see it.
type Reason string

// The values of Reason.
const (
	Spindown Reason = "spindown" // it is not needed any more
	Timeout  Reason = "timeout"  // an invocation or an Init took too long
	Faulty   Reason = "failure"  // the runtime or an extension failed
)

// notice is an event in the form that extensions get.
type notice struct {
	id   string
	body []byte
}

func newNotice(event any) *notice {
	body, err := json.Marshal(event)
	if err != nil { // numbers and strings always marshal
		return nil
	}
	return &notice{id: uuid.NewString(), body: body}
}

func invokeNotice(ev Event) *notice {
	type tracing struct {
		Type  string `json:"type"`
		Value string `json:"value"`
	}
	return newNotice(struct {
		Event    string  `json:"eventType"`
		Deadline int64   `json:"deadlineMs"`
		ID       string  `json:"requestId"`
		Arn      string  `json:"invokedFunctionArn"`
		Tracing  tracing `json:"tracing"`
	}{invokeEvent, ev.Deadline.UnixMilli(), ev.ID, ev.FunctionArn, tracing{"X-Amzn-Trace-Id", ev.TraceID}})
}

func shutdownNotice(why Reason, deadline time.Time) *notice {
	return newNotice(struct {
		Event    string `json:"eventType"`
		Reason   Reason `json:"shutdownReason"`
		Deadline int64  `json:"deadlineMs"`
	}{shutdownEvent, why, deadline.UnixMilli()})
}

// write sends the event. If the connection is lost meanwhile, so is the event.
func (n *notice) write(w http.ResponseWriter) {
	h := w.Header()
	h["Content-Type"] = jsonType
	h.Set("Lambda-Extension-Event-Identifier", n.id)
	_, _ = w.Write(n.body)
}
