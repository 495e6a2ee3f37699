package runtimeapi

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
)

// problem is an error reply to the runtime.
type problem struct {
	status        int
	Message, Type string
}

var (
	invalidRequestID    = &problem{http.StatusBadRequest, "Invalid request ID", "InvalidRequestID"}
	invalidResponseMode = &problem{http.StatusBadRequest, "Invalid function response mode", "InvalidFunctionResponseMode"}
	invokeTimeout       = &problem{http.StatusGone, "Invoke timeout", "InvokeTimeout"}
	truncatedRequest    = &problem{http.StatusBadRequest, "HTTP request detected as truncated", "TruncatedHTTPRequest"}
)

func tooLarge(limit int) *problem {
	text := fmt.Sprintf("Exceeded maximum allowed payload size (%d bytes).", limit)
	return &problem{http.StatusRequestEntityTooLarge, text, "RequestEntityTooLarge"}
}

func forbidden(from, to state) *problem {
	const format = "State transition from %s to %s failed for runtime. Error: State transition is not allowed"
	return &problem{http.StatusForbidden, fmt.Sprintf(format, from, to), "InvalidStateTransition"}
}

// Values of headers are shared between replies: net/http reads them only.
var (
	jsonType       = []string{"application/json"}
	acceptedBody   = []byte(`{"status":"OK"}` + "\n")
	acceptedLength = []string{strconv.Itoa(len(acceptedBody))}
)

// accepted answers a POST that was accepted. Clients insist on 202, and some on the body.
func accepted(w http.ResponseWriter) {
	h := w.Header()
	h["Content-Type"] = jsonType
	h["Content-Length"] = acceptedLength
	w.WriteHeader(http.StatusAccepted)
	_, _ = w.Write(acceptedBody)
}

func (p *problem) write(w http.ResponseWriter) {
	writeJSON(w, p.status, struct {
		Message string `json:"errorMessage"`
		Type    string `json:"errorType"`
	}{p.Message, p.Type})
}

// writeJSON ends the body with a newline and escapes HTML, as AWS's emulator does.
func writeJSON(w http.ResponseWriter, status int, body any) {
	w.Header()["Content-Type"] = jsonType
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // fails only with the connection
}
