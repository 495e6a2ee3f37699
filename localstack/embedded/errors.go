package embedded

import (
	"fmt"
	"net/http"
)

// The namespaces of error types in AWS's JSON protocol: the service's own model, and the framework beneath it.
const (
	sqsNamespace   = "com.amazonaws.sqs#"
	coralNamespace = "com.amazon.coral.service#"
)

// A refusal is an error of the service: what the caller asked for cannot be done.
type refusal struct {
	status int    // HTTP status
	typ    string // __type of the JSON body, with its namespace
	code   string // the name in the older query protocol, which SDKs still report as the error's code
	text   string
}

func (e *refusal) Error() string { return e.code + ": " + e.text }

// refuse makes an error of SQS's own model whose old name equals its new one.
func refuse(name, format string, args ...any) *refusal {
	return &refusal{http.StatusBadRequest, sqsNamespace + name, name, fmt.Sprintf(format, args...)}
}

// refuseAs makes an error of SQS's own model that had another name in the query protocol.
func refuseAs(status int, name, code, format string, args ...any) *refusal {
	return &refusal{status, sqsNamespace + name, code, fmt.Sprintf(format, args...)}
}

// refuseOld makes an error whose old name carries the service's prefix.
func refuseOld(name, format string, args ...any) *refusal {
	return refuseAs(http.StatusBadRequest, name, "AWS.SimpleQueueService."+name, format, args...)
}

func noSuchQueue() *refusal {
	return refuseAs(http.StatusBadRequest, "QueueDoesNotExist", "AWS.SimpleQueueService.NonExistentQueue",
		"The specified queue does not exist.")
}

func invalidParameter(format string, args ...any) *refusal {
	return &refusal{http.StatusBadRequest, coralNamespace + "InvalidParameterValueException", "InvalidParameterValue",
		fmt.Sprintf(format, args...)}
}

// invalidValue says that value will not do for parameter, in the words that AWS uses for it.
func invalidValue(value any, parameter, reason string) *refusal {
	return invalidParameter("Value %v for parameter %s is invalid. Reason: %s", value, parameter, reason)
}

func missingParameter(name string) *refusal {
	return &refusal{http.StatusBadRequest, coralNamespace + "MissingRequiredParameterException", "MissingParameter",
		"The request must contain the parameter " + name + "."}
}

func unreadable(format string, args ...any) *refusal {
	return &refusal{http.StatusBadRequest, coralNamespace + "SerializationException", "SerializationException",
		fmt.Sprintf(format, args...)}
}

func unknownOperation(format string, args ...any) *refusal {
	return &refusal{http.StatusBadRequest, coralNamespace + "UnknownOperationException", "UnknownOperationException",
		fmt.Sprintf(format, args...)}
}

func invalidHandle(handle string) *refusal {
	return refuseAs(http.StatusNotFound, "ReceiptHandleIsInvalid", "ReceiptHandleIsInvalid",
		"The input receipt handle %q is not a valid receipt handle.", handle)
}

func expiredHandle(handle string) *refusal {
	return invalidValue(handle, "ReceiptHandle", "The receipt handle has expired.")
}
