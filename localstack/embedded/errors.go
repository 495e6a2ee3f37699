package embedded

import (
	"fmt"
	"net/http"

	"github.com/esm-run/esm/localstack/embedded/wire"
)

// sqsNamespace is the namespace of error types of the service's own model.
const sqsNamespace = "com.amazonaws.sqs#"

// A refusal is an error of the service. Its Code is the name in the older query protocol, which SDKs still report as the
// error's code.
type refusal = wire.Refusal

// refuse makes an error of SQS's own model whose old name equals its new one.
func refuse(name, format string, args ...any) *refusal {
	return wire.Refuse(sqsNamespace+name, format, args...)
}

// refuseAs makes an error of SQS's own model that had another name in the query protocol.
func refuseAs(status int, name, code, format string, args ...any) *refusal {
	return &refusal{Status: status, Type: sqsNamespace + name, Code: code, Message: fmt.Sprintf(format, args...)}
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
	return &refusal{Status: http.StatusBadRequest, Type: wire.Coral + "InvalidParameterValueException",
		Code: "InvalidParameterValue", Message: fmt.Sprintf(format, args...)}
}

// invalidValue says that value will not do for parameter, in the words that AWS uses for it.
func invalidValue(value any, parameter, reason string) *refusal {
	return invalidParameter("Value %v for parameter %s is invalid. Reason: %s", value, parameter, reason)
}

func missingParameter(name string) *refusal {
	return &refusal{Status: http.StatusBadRequest, Type: wire.Coral + "MissingRequiredParameterException",
		Code: "MissingParameter", Message: "The request must contain the parameter " + name + "."}
}

func invalidHandle(handle string) *refusal {
	return refuseAs(http.StatusNotFound, "ReceiptHandleIsInvalid", "ReceiptHandleIsInvalid",
		"The input receipt handle %q is not a valid receipt handle.", handle)
}

func expiredHandle(handle string) *refusal {
	return invalidValue(handle, "ReceiptHandle", "The receipt handle has expired.")
}
