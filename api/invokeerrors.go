package api

import (
	"errors"
	"fmt"
	"net/http"
	"regexp"

	"github.com/esm-run/esm"
)

// throttled is an error that knows which limit was met: the value of Reason in TooManyRequestsException.
type throttled interface {
	error
	Reason() string
}

// notInvoked is the answer to an invocation without a response. None of these is a function error: they have no
// X-Amz-Function-Error.
func (s *Server) notInvoked(in invocation, err error) (answer, error) {
	switch {
	case errors.Is(err, esm.ErrThrottled):
		limit := refuse("TooManyRequestsException", "Rate Exceeded.")
		limit.reason = "ConcurrentInvocationLimitExceeded"
		if known, ok := errors.AsType[throttled](err); ok {
			limit.reason = known.Reason()
		}
		return answer{}, limit
	case in.function.InvokeEndpoint != "":
		if a, ok := relayed(err); ok {
			return a, nil
		}
	}
	switch {
	case errors.Is(err, esm.ErrTooLarge):
		return answer{}, tooLarge(esm.MaxPayload, "InvokeFunction")
	case errors.Is(err, esm.ErrRefused) && in.function.InvokeEndpoint == "": // gone from the file a moment ago
		return answer{}, notFound(in.asked.qualified())
	}
	return answer{}, err
}

// exception is an error of an AWS service, as SDKs have it.
type exception interface {
	error
	ErrorCode() string
	ErrorMessage() string
}

// aboutFunction are the exceptions of Invoke that say what is wrong with the function or the event (AWS: API reference
// of Lambda, Invoke). What an endpoint says about its caller is this engine's affair, not that of its own caller.
var aboutFunction = regexp.MustCompile(`^(EC2|EFS|ENI|KMS|S3Files|SnapStart|Subnet|Resource|Recursive|NoPublishedVersion|` +
	`DurableExecution|Invalid(Runtime|ZipFile|SubnetID|SecurityGroupID|RequestContent|ParameterValue)|UnsupportedMediaType)\w*Exception$`)

// smallKey are those of them whose text has the key message in small letters.
var smallKey = regexp.MustCompile(`^(InvalidParameterValue|InvalidRequestContent|ResourceConflict|ResourceNotReady|UnsupportedMediaType)Exception$`)

// relayed hands on what Lambda said where the function lives.
func relayed(err error) (answer, bool) {
	said, ok := errors.AsType[exception](err)
	if !ok || !aboutFunction.MatchString(said.ErrorCode()) {
		return answer{}, false
	}
	status, key, typ := http.StatusBadGateway, "Message", "User"
	if answered, ok := errors.AsType[statusError](err); ok && answered.HTTPStatusCode() >= http.StatusBadRequest {
		status = answered.HTTPStatusCode()
	}
	if smallKey.MatchString(said.ErrorCode()) {
		key = "message"
	}
	if status >= http.StatusInternalServerError {
		typ = "Service"
	}
	text, err := encode(said.ErrorMessage())
	header := http.Header{"X-Amzn-Errortype": {said.ErrorCode()}}
	return answer{status, header, fmt.Appendf(nil, `{"Type":%q,%q:%s}`, typ, key, text)}, err == nil
}

// statusError is an error that came with an HTTP status.
type statusError interface {
	error
	HTTPStatusCode() int
}
