package destinations

import (
	"github.com/aws/smithy-go/middleware"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/esm-run/esm"
)

// traceHeader returns the trace header that goes with a notice. It is empty if the notice has none that services accept:
// a bad one must not keep a notice from its destination.
func traceHeader(n esm.Notice) string {
	if n.Event == nil || !esm.IsTraceHeader(n.Event.TraceHeader) {
		return ""
	}
	return n.Event.TraceHeader
}

// traced returns the options of a request that carries a notice's trace header from service to service.
func traced(n esm.Notice) []func(*middleware.Stack) error {
	if header := traceHeader(n); header != "" {
		return []func(*middleware.Stack) error{smithyhttp.SetHeaderValue("X-Amzn-Trace-Id", header)}
	}
	return nil
}
