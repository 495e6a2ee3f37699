package esm

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"time"
)

// MaxResponse is the most bytes that the payload of a Response may have: a little more than that of an event (AWS: "Lambda
// quotas").
const MaxResponse = MaxPayload + 100

// ResponseTooLarge returns the Response in place of one whose payload is larger than MaxResponse. It has its keys in Lambda's
// order, which differs from that of other failures.
func ResponseTooLarge(version string) Response {
	const fault = "Function.ResponseSizeTooLarge"
	return Response{Fault: fault, Status: http.StatusOK, Version: version, Payload: fmt.Appendf(nil,
		`{"errorMessage":"Response payload size exceeded maximum allowed payload size (%d bytes).","errorType":%q}`, MaxResponse, fault)}
}

// NewTraceHeader returns the TraceHeader of an invocation that began now and came without one. It is not sampled.
func NewTraceHeader(now time.Time) string {
	return fmt.Sprintf("Root=1-%08x-%08x%016x;Parent=%016x;Sampled=0", uint32(now.Unix()), rand.Uint32(), rand.Uint64(), rand.Uint64())
}
