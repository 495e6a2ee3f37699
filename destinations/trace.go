package destinations

import (
	"regexp"

	"github.com/esm-run/esm"
)

// traceForm is the part of a trace header that identifies the trace (AWS: "Tracing header", in the X-Ray guide).
var traceForm = regexp.MustCompile(`(^|;)\s*Root=1-[0-9a-f]{8}-[0-9a-f]{24}(;|$)`)

// traceLimit is the most bytes of a trace header (AWS: API reference of PutEvents).
const traceLimit = 500

// traceHeader returns the trace header that goes with a notice. It is empty if the notice has none that services accept:
// a bad one must not keep a notice from its destination.
func traceHeader(n esm.Notice) string {
	if n.Event == nil || len(n.Event.TraceHeader) > traceLimit || !traceForm.MatchString(n.Event.TraceHeader) {
		return ""
	}
	return n.Event.TraceHeader
}
