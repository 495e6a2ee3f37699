package esm

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"regexp"
	"time"
)

// MaxResponse is the most bytes that the payload of a Response may have: a little more than that of an event (AWS: "Lambda
// quotas").
const MaxResponse = MaxPayload + 100

// MaxStreamedResponse is the most bytes that a ResponseStream receives (AWS: "Response streaming for Lambda functions").
const MaxStreamedResponse = 200 << 20

// ResponseTooLarge returns the Response in place of one that is larger than limit. It has its keys in Lambda's order, which
// differs from that of other failures.
func ResponseTooLarge(version string, limit int) Response {
	const fault = "Function.ResponseSizeTooLarge"
	return Response{Fault: fault, Status: http.StatusOK, Version: version, Payload: fmt.Appendf(nil,
		`{"errorMessage":"Response payload size exceeded maximum allowed payload size (%d bytes).","errorType":%q}`, limit, fault)}
}

// maxTraceHeader is the most bytes of an X-Amzn-Trace-Id that every service takes (AWS: API reference of PutEvents).
const maxTraceHeader = 500

// traceForm is the part of a trace header that identifies the trace (AWS X-Ray: "Tracing header").
var traceForm = regexp.MustCompile(`^([!-~ ]*;)?\s*Root=1-[0-9a-f]{8}-[0-9a-f]{24}(;[!-~ ]*)?$`)

// IsTraceHeader reports whether text can be the TraceHeader of an invocation: an X-Amzn-Trace-Id that names its trace. Any
// other text comes from someone who does not trace, and is to be replaced or left out.
func IsTraceHeader(text string) bool {
	return len(text) <= maxTraceHeader && traceForm.MatchString(text)
}

// NewTraceHeader returns the TraceHeader of an invocation that began now and came without one. It is not sampled.
func NewTraceHeader(now time.Time) string {
	return fmt.Sprintf("Root=1-%08x-%08x%016x;Parent=%016x;Sampled=0", uint32(now.Unix()), rand.Uint32(), rand.Uint64(), rand.Uint64())
}
