package wire

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"strings"
)

// Coral is the namespace of the errors of the framework beneath AWS's services.
const Coral = "com.amazon.coral.service#"

// A Refusal is an error of the service: what the caller asked for cannot be done. It is written as
//
//	{"__type":"com.amazonaws.sqs#QueueDoesNotExist","message":"The specified queue does not exist."}
type Refusal struct {
	// Status is the HTTP status: 400 for nearly all, 500 for what SDKs shall try again.
	Status int
	// Type is the name of the exception, after its namespace if the service has one: "com.amazonaws.sqs#" and the like.
	Type string
	// Message is for people.
	Message string
	// Code is the name in the older query protocol where that is another one. Only an API with OldNames shows it.
	Code string
	// More is the further members of the body, such as the Item of a ConditionalCheckFailedException. It may be nil.
	More map[string]any
}

// Refuse makes a Refusal with HTTP status 400. Typ is with its namespace.
func Refuse(typ, format string, args ...any) *Refusal {
	return &Refusal{Status: http.StatusBadRequest, Type: typ, Message: fmt.Sprintf(format, args...)}
}

// Unreadable is the refusal of a request that cannot be decoded.
func Unreadable(format string, args ...any) *Refusal {
	return Refuse(Coral+"SerializationException", format, args...)
}

// UnknownOperation is the refusal of an operation that there is not.
func UnknownOperation(format string, args ...any) *Refusal {
	return Refuse(Coral+"UnknownOperationException", format, args...)
}

// Error is the name without its namespace, and the message.
func (e *Refusal) Error() string { return e.OldName() + ": " + e.Message }

// OldName is the name in the older query protocol: Code, or else the Type without its namespace.
func (e *Refusal) OldName() string {
	return cmp.Or(e.Code, e.Type[strings.LastIndexByte(e.Type, '#')+1:])
}

// fault says whose it was, in the words of the query protocol.
func (e *Refusal) fault() string {
	if e.Status >= http.StatusInternalServerError {
		return "Receiver"
	}
	return "Sender"
}

// MarshalJSON is the body of the answer.
func (e *Refusal) MarshalJSON() ([]byte, error) {
	body := map[string]any{"__type": e.Type, "message": e.Message}
	maps.Copy(body, e.More)
	return json.Marshal(body)
}
