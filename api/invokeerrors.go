package api

import (
	"errors"
	"fmt"
	"net/http"
	"regexp"

	"github.com/esm-run/esm"
)

// throttled is a throttle that knows which limit was met: the Reason of TooManyRequestsException.
type throttled interface {
	error
	Reason() string
}

// notInvoked returns the answer to an invocation without a response. Such an answer has no X-Amz-Function-Error.
func notInvoked(in invocation, err error) (answer, error) {
	remote := in.function.InvokeEndpoint != ""
	switch {
	case errors.Is(err, esm.ErrThrottled):
		e := throw("TooManyRequestsException", "Rate Exceeded.")
		e.reason = "ConcurrentInvocationLimitExceeded"
		if known, ok := errors.AsType[throttled](err); ok {
			e.reason = known.Reason()
		}
		return answer{}, e
	case remote:
		if a, ok := relayed(err); ok {
			return a, nil
		}
	}
	switch {
	case errors.Is(err, esm.ErrTooLarge):
		return answer{}, tooLarge(esm.MaxPayload, "InvokeFunction")
	case errors.Is(err, esm.ErrRefused) && !remote: // the engine no longer has the function
		return answer{}, functionNotFound(in.ref.qualified())
	}
	return answer{}, err
}

// sdkError is an error of an AWS service as SDKs return it.
type sdkError interface {
	error
	ErrorCode() string
	ErrorMessage() string
}

// statusError is an error with an HTTP status.
type statusError interface {
	error
	HTTPStatusCode() int
}

// relayedCodes are the exceptions of Invoke about the function or the event (AWS: API reference of Lambda, Invoke), which
// concern the caller. Exceptions about credentials and the like concern this engine, which is the remote endpoint's client.
var relayedCodes = regexp.MustCompile(`^(EC2|EFS|ENI|KMS|S3Files|SnapStart|Subnet|Resource|Recursive|NoPublishedVersion|` +
	`DurableExecution|Invalid(Runtime|ZipFile|SubnetID|SecurityGroupID|RequestContent|ParameterValue)|UnsupportedMediaType)\w*Exception$`)

// lowerCaseKey are those of relayedCodes whose message has the key message, in lower case.
var lowerCaseKey = regexp.MustCompile(`^(InvalidParameterValue|InvalidRequestContent|ResourceConflict|ResourceNotReady|UnsupportedMediaType)Exception$`)

// relayed returns the exception of a remote endpoint as the answer, if it concerns the caller.
func relayed(err error) (answer, bool) {
	said, ok := errors.AsType[sdkError](err)
	if !ok || !relayedCodes.MatchString(said.ErrorCode()) {
		return answer{}, false
	}
	status, key, typ := http.StatusBadGateway, "Message", "User"
	if answered, ok := errors.AsType[statusError](err); ok && answered.HTTPStatusCode() >= http.StatusBadRequest {
		status = answered.HTTPStatusCode()
	}
	if lowerCaseKey.MatchString(said.ErrorCode()) {
		key = "message"
	}
	if status >= http.StatusInternalServerError {
		typ = "Service"
	}
	text, err := encode(said.ErrorMessage())
	header := http.Header{"X-Amzn-Errortype": {said.ErrorCode()}}
	return answer{status, header, fmt.Appendf(nil, `{"Type":%q,%q:%s}`, typ, key, text)}, err == nil
}
