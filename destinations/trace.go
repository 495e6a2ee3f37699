package destinations

import "github.com/esm-run/esm"

// traceHeader returns the trace header that goes with a notice. It is empty if the notice has none that services accept:
// a bad one must not keep a notice from its destination.
func traceHeader(n esm.Notice) string {
	if n.Event == nil || !esm.IsTraceHeader(n.Event.TraceHeader) {
		return ""
	}
	return n.Event.TraceHeader
}
