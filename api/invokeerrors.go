package api

import (
	"errors"
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
	case remote && isRelayed(err):
		return answer{}, relayed(err)
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

// isRelayed reports whether err is an exception of a remote endpoint that concerns the caller.
func isRelayed(err error) bool {
	said, ok := errors.AsType[sdkError](err)
	return ok && relayedCodes.MatchString(said.ErrorCode())
}

// relayed returns the exception of a remote endpoint, as the endpoint has sent it.
func relayed(err error) error {
	said, _ := errors.AsType[sdkError](err)
	form := wireForm{http.StatusBadGateway, "Message", "User"}
	if answered, ok := errors.AsType[statusError](err); ok && answered.HTTPStatusCode() >= http.StatusBadRequest {
		form.status = answered.HTTPStatusCode()
	}
	if lowerCaseKey.MatchString(said.ErrorCode()) {
		form.key = "message"
	}
	if form.status >= http.StatusInternalServerError {
		form.typ = "Service"
	}
	e := throw(said.ErrorCode(), "%s", said.ErrorMessage())
	e.form = &form
	return e
}
