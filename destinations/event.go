package destinations

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"unicode/utf8"

	"github.com/esm-run/esm"
	"github.com/esm-run/esm/config"
)

// eventResponse is responseContext in the record of an asynchronous event. What does not apply is left out.
type eventResponse struct {
	Status  int    `json:"statusCode"`
	Version string `json:"executedVersion,omitempty"` // empty if the handler did not run
	Fault   string `json:"functionError,omitempty"`
}

// deliveryError is in a record in place of a response that is not JSON.
type deliveryError struct {
	Status  int    `json:"statusCode"`
	Code    string `json:"errorCode"`
	Message string `json:"errorMessage"`
}

// eventRecord returns the invocation record of an asynchronous event, with the bytes of the event and of the handler's
// response as they are if payloads is set (AWS: "Capturing records of Lambda asynchronous invocations").
func eventRecord(n esm.Notice, payloads bool) ([]byte, error) {
	record := []member{
		{"version", "1.0"},
		{"timestamp", stamp(n.Time, config.NoticeMilliseconds)},
		{"requestContext", requestContext{n.RequestID, qualified(n.FunctionArn), n.Condition, n.Invokes}},
	}
	if payloads {
		record = append(record, member{"requestPayload", verbatim(eventOf(n))})
	}
	if r := n.Response; r != nil {
		response := eventResponse{Status: r.Status, Version: r.Version}
		if r.Fault != "" {
			response.Fault = "Unhandled" // the only value on AWS today
		}
		record = append(record, member{"responseContext", response})
	}
	switch err := checkJSON(n.Event.Response); {
	case !answered(n):
	case err != nil:
		record = append(record, member{"deliveryError", deliveryError{http.StatusBadRequest, "InvalidRequestContentException",
			"Could not parse request body into json: Could not parse payload into json: " + err.Error()}})
	case payloads:
		record = append(record, member{"responsePayload", verbatim(n.Event.Response)})
	}
	return encode(record)
}

// answered reports whether the handler ran. Its response may be empty, which is not JSON.
func answered(n esm.Notice) bool {
	return n.Event.Response != nil || n.Response != nil && n.Response.Version != ""
}

// eventOf returns the event. The one of an invocation without a body is an empty object.
func eventOf(n esm.Notice) []byte {
	if len(n.Payload) == 0 {
		return []byte("{}")
	}
	return n.Payload
}

// checkJSON returns why text is not JSON, which is in UTF-8.
func checkJSON(text []byte) error {
	if !utf8.Valid(text) {
		return errors.New("invalid UTF-8")
	}
	if json.Valid(text) { // without an allocation for what is nearly always the case
		return nil
	}
	return json.Unmarshal(text, new(json.RawMessage))
}

// qualified returns the ARN of a function with the qualifier that it was invoked with: $LATEST if it names none.
func qualified(functionARN string) string {
	if name, err := config.ParseFunctionName(functionARN); err == nil && name.Qualifier == "" {
		return functionARN + ":$LATEST"
	}
	return functionARN
}

// topicLimit is the most bytes of a message on a topic (AWS: "Amazon SNS message batching", and its quotas).
const topicLimit = 262_144

// topicRecord returns the record of an asynchronous event for a topic. That of a failure has no payloads if it is too large
// with them. That of a success is then undeliverable.
func topicRecord(n esm.Notice) ([]byte, error) {
	record, err := eventRecord(n, true)
	switch {
	case err != nil || len(record) <= topicLimit:
		return record, err
	case n.Condition == esm.Success:
		return nil, tooLarge(record, topicLimit)
	}
	return eventRecord(n, false)
}

func tooLarge(record []byte, limit int) error {
	return fmt.Errorf("%w: the record has %d bytes, above its limit of %d", esm.ErrUndeliverable, len(record), limit)
}

// eventObjectKey returns the key of an object as Lambda forms it: function, time and a UUID, which is the notice's ID.
func eventObjectKey(n esm.Notice) (string, error) {
	name, err := config.ParseFunctionName(n.FunctionArn)
	if err != nil {
		return "", fmt.Errorf("%w: the notice's function %q %w", esm.ErrUndeliverable, n.FunctionArn, err)
	}
	return fmt.Sprintf("aws/lambda/async/%s/%s-%s", name.Name, stamp(n.Time, objectTime), n.ID), nil
}
