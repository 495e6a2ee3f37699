package esm

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"
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

// IsTraceHeader reports whether text can be the TraceHeader of an invocation: an X-Amzn-Trace-Id that names its trace. Any
// other text comes from someone who does not trace, and is to be replaced or left out.
func IsTraceHeader(text string) bool {
	if len(text) > maxTraceHeader || strings.ContainsFunc(text, func(r rune) bool { return r < ' ' || r > '~' }) {
		return false
	}
	for field := range strings.SplitSeq(text, ";") {
		if root, found := strings.CutPrefix(strings.TrimLeft(field, " "), "Root="); found && isTraceID(root) {
			return true
		}
	}
	return false
}

// isTraceID reports whether text is 1-, 8 hexadecimal digits, -, and 24 of them (AWS X-Ray: "Tracing header").
func isTraceID(text string) bool {
	const form = "1-00000000-000000000000000000000000"
	if len(text) != len(form) {
		return false
	}
	for i := range len(form) {
		digit := '0' <= text[i] && text[i] <= '9' || 'a' <= text[i] && text[i] <= 'f'
		if form[i] == '0' && !digit || form[i] != '0' && text[i] != form[i] {
			return false
		}
	}
	return true
}

// NewTraceHeader returns the TraceHeader of an invocation that began now and came without one. It is not sampled.
func NewTraceHeader(now time.Time) string {
	return fmt.Sprintf("Root=1-%08x-%08x%016x;Parent=%016x;Sampled=0", uint32(now.Unix()), rand.Uint32(), rand.Uint64(), rand.Uint64())
}
