package sqs

import (
	"fmt"
	"net/http"

	"github.com/esm-run/esm/localstack/embedded/wire"
)

// namespace is that of the error types of SQS's own model.
const namespace = "com.amazonaws.sqs#"

// errorf returns an error of SQS's own model whose code is its name.
func errorf(name, format string, args ...any) *wire.Error {
	return wire.Errorf(namespace+name, format, args...)
}

// errorWithCode returns an error of SQS's own model whose code in the query protocol differs from its name.
func errorWithCode(status int, name, code, format string, args ...any) *wire.Error {
	return &wire.Error{Status: status, Type: namespace + name, Code: code, Message: fmt.Sprintf(format, args...)}
}

// prefixedErrorf returns an error of SQS's own model whose code carries the service's prefix.
func prefixedErrorf(name, format string, args ...any) *wire.Error {
	return errorWithCode(http.StatusBadRequest, name, "AWS.SimpleQueueService."+name, format, args...)
}

func noSuchQueue() *wire.Error {
	return errorWithCode(http.StatusBadRequest, "QueueDoesNotExist", "AWS.SimpleQueueService.NonExistentQueue",
		"The specified queue does not exist.")
}

func invalidParameter(format string, args ...any) *wire.Error {
	return &wire.Error{Status: http.StatusBadRequest, Type: wire.Coral + "InvalidParameterValueException",
		Code: "InvalidParameterValue", Message: fmt.Sprintf(format, args...)}
}

// invalidValue reports the value of a parameter in AWS's words.
func invalidValue(value any, parameter, reason string) *wire.Error {
	return invalidParameter("Value %v for parameter %s is invalid. Reason: %s", value, parameter, reason)
}

func missingParameter(name string) *wire.Error {
	return &wire.Error{Status: http.StatusBadRequest, Type: wire.Coral + "MissingRequiredParameterException",
		Code: "MissingParameter", Message: "The request must contain the parameter " + name + "."}
}

func invalidHandle(handle string) *wire.Error {
	return errorWithCode(http.StatusNotFound, "ReceiptHandleIsInvalid", "ReceiptHandleIsInvalid",
		"The input receipt handle %q is not a valid receipt handle.", handle)
}
