package wire

import (
	"cmp"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"strings"

	"github.com/google/uuid"
)

// Coral is the namespace of the errors of the framework beneath AWS's services.
const Coral = "com.amazon.coral.service#"

// An Error is an error response of a service. The JSON protocol writes it as
//
//	{"__type":"com.amazonaws.sqs#QueueDoesNotExist","message":"The specified queue does not exist."}
type Error struct {
	// Status is the HTTP status: nearly always 400. SDKs retry 500 and above.
	Status int
	// Type is the exception's name, with its namespace if the service has one: "com.amazonaws.sqs#QueueDoesNotExist".
	Type string
	// Message is for people.
	Message string
	// Code is the exception's name in the query protocol, where it differs from Type. Only an [API] with QueryErrors
	// sends it.
	Code string
	// More holds further members of the body, such as the Item of a ConditionalCheckFailedException. It may be nil.
	More map[string]any
}

// Errorf returns an Error with HTTP status 400. Typ includes the namespace.
func Errorf(typ, format string, args ...any) *Error {
	return &Error{Status: http.StatusBadRequest, Type: typ, Message: fmt.Sprintf(format, args...)}
}

// SerializationError reports a request that cannot be decoded.
func SerializationError(format string, args ...any) *Error {
	return Errorf(Coral+"SerializationException", format, args...)
}

// UnknownOperation reports a request for an operation that does not exist.
func UnknownOperation(format string, args ...any) *Error {
	return Errorf(Coral+"UnknownOperationException", format, args...)
}

// AsError returns the Error in err's tree, or an InternalFailure with HTTP status 500.
func AsError(err error) *Error {
	if e, ok := errors.AsType[*Error](err); ok {
		return e
	}
	return &Error{Status: http.StatusInternalServerError, Type: Coral + "InternalFailure", Message: err.Error()}
}

// Error returns the code and the message.
func (e *Error) Error() string { return e.ErrorCode() + ": " + e.Message }

// ErrorCode returns Code, or else Type without its namespace. SDKs report it as the error's code.
func (e *Error) ErrorCode() string {
	return cmp.Or(e.Code, e.Type[strings.LastIndexByte(e.Type, '#')+1:])
}

// fault says in the query protocol's words whose fault the error is.
func (e *Error) fault() string {
	if e.Status >= http.StatusInternalServerError {
		return "Receiver"
	}
	return "Sender"
}

// MarshalJSON returns the body of the response.
func (e *Error) MarshalJSON() ([]byte, error) {
	body := map[string]any{"__type": e.Type, "message": e.Message}
	maps.Copy(body, e.More)
	return json.Marshal(body)
}

// WriteQueryError responds with an error in the shape of the query protocol, whose XML is in namespace.
func WriteQueryError(w http.ResponseWriter, namespace string, err error) {
	e, id := AsError(err), uuid.NewString()
	type reason struct{ Type, Code, Message string }
	body, _ := xml.Marshal(struct { // strings always encode
		XMLName   xml.Name
		Error     reason
		RequestId string
	}{xml.Name{Space: namespace, Local: "ErrorResponse"}, reason{e.fault(), e.ErrorCode(), e.Message}, id})
	w.Header().Set("Content-Type", "text/xml")
	w.Header().Set("X-Amzn-Requestid", id)
	w.WriteHeader(e.Status)
	w.Write(body)
}
