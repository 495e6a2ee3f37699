package runtimeapi

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"regexp"
	"strings"

	"github.com/esm-run/esm"
)

const (
	errorTypeHeader = "Lambda-Runtime-Function-Error-Type" // also a trailer
	errorBodyHeader = "Lambda-Runtime-Function-Error-Body" // a trailer, in base64
	causeType       = "application/vnd.aws.lambda.error.cause+json"
)

// Unhandled is the Fault of every failure that the runtime reported.
const Unhandled = "Unhandled"

// respond returns the Response of a function that ran.
func respond(payload []byte, fault string) esm.Response {
	return esm.Response{Payload: payload, Fault: fault, Status: http.StatusOK, Version: Version}
}

// Version is the version of every function.
const Version = "$LATEST"

// readResponse returns the Answer of a body that was posted as a response. A runtime that fails halfway through a stream
// says so in the trailers; aws-lambda-go does so for buffered answers as well.
func readResponse(body []byte, trailer http.Header) Answer {
	if trailer == nil {
		return Answer{Response: respond(body, "")}
	}
	kind, encoded := trailer.Get(errorTypeHeader), trailer.Get(errorBodyHeader)
	if kind == "" && encoded == "" {
		return Answer{Response: respond(body, "")}
	}
	failure, err := base64.StdEncoding.DecodeString(encoded)
	if err != nil || len(failure) == 0 {
		failure = errorBody(kind, "")
	}
	return Answer{Response: respond(failure, Unhandled), ErrorType: errorType(kind)}
}

// reportedAnswer returns the Answer of a body that was posted as an error. The caller gets the bytes unchanged.
func reportedAnswer(h http.Header, body []byte) Answer {
	if strings.HasPrefix(h.Get("Content-Type"), causeType) {
		body = withoutCause(body)
	}
	return Answer{Response: respond(body, Unhandled), ErrorType: errorType(h.Get(errorTypeHeader))}
}

// withoutCause removes the part of an error that is meant for X-Ray, which older .NET runtimes send in the body.
func withoutCause(body []byte) []byte {
	var e struct {
		Message string          `json:"errorMessage"`
		Type    string          `json:"errorType"`
		Stack   json.RawMessage `json:"stackTrace,omitempty"`
	}
	if err := json.Unmarshal(body, &e); err != nil {
		return []byte("Invalid error body")
	}
	out, err := json.Marshal(e)
	if err != nil {
		return []byte("Invalid error body")
	}
	return out
}

// The pattern is not anchored, as Lambda's is not.
var knownErrorType = regexp.MustCompile(`(Runtime|Function)\.[A-Z][a-zA-Z]+`)

const longestErrorType = 256 // bytes; the header may hold megabytes, a log line should not

// errorType reduces the type that a runtime reports to those that Lambda knows.
func errorType(header string) string {
	switch {
	case len(header) <= longestErrorType && knownErrorType.MatchString(header):
		return header
	case strings.HasPrefix(header, "Function."):
		return "Function.Unknown"
	default:
		return "Runtime.Unknown"
	}
}

// platformAnswer returns the Answer of a failure that the runtime did not report.
func platformAnswer(resp esm.Response) Answer {
	return Answer{Response: resp, ErrorType: resp.Fault}
}

func truncatedAnswer(id string) Answer {
	f := &Failure{Type: "Runtime.TruncatedResponse", Text: truncatedRequest.Message}
	return Answer{Response: f.Response(id), ErrorType: f.Type, Truncated: true}
}
