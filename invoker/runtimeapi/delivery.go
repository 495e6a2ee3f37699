package runtimeapi

import (
	"net/http"
	"strconv"

	"github.com/esm-run/esm"
)

// delivery is an event in the form of a reply.
type delivery struct {
	id      string
	stream  esm.ResponseStream
	payload []byte
	values  [6]string // of deliveryHeaders; the last may be empty
}

var deliveryHeaders = [...]string{
	"Lambda-Runtime-Aws-Request-Id",
	"Lambda-Runtime-Deadline-Ms",
	"Lambda-Runtime-Invoked-Function-Arn",
	"Lambda-Runtime-Trace-Id",
	"Content-Length",
	"Lambda-Runtime-Client-Context",
}

func newDelivery(ev Event) *delivery {
	return &delivery{id: ev.ID, stream: ev.Stream, payload: ev.Payload, values: [...]string{
		ev.ID,
		strconv.FormatInt(ev.Deadline.UnixMilli(), 10),
		ev.FunctionArn,
		ev.TraceID,
		strconv.Itoa(len(ev.Payload)),
		ev.ClientContext,
	}}
}

// write sends the event. If the connection is lost, the runtime asks again.
func (d *delivery) write(w http.ResponseWriter) {
	h := w.Header()
	h["Content-Type"] = jsonType
	for i, name := range deliveryHeaders {
		if d.values[i] != "" {
			h[name] = d.values[i : i+1 : i+1]
		}
	}
	_, _ = w.Write(d.payload)
}
