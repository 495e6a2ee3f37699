package remote

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptrace"
	"sync/atomic"

	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/esm-run/esm"
)

// meaning classifies Lambda's exceptions (AWS: "Invoke", API reference). After none of these did the handler run. What
// passes by itself is an ErrNotRun; what has to be repaired is an ErrRefused, even with a status of 5xx. Exceptions that
// are not listed are classified by their status.
var meaning = map[string]error{
	"TooManyRequestsException": esm.ErrThrottled,

	"ServiceException":           esm.ErrNotRun,
	"ResourceConflictException":  esm.ErrNotRun, // the function is being created or updated
	"ResourceNotReadyException":  esm.ErrNotRun, // it was idle and its network is being made again
	"ENINotReadyException":       esm.ErrNotRun,
	"EC2ThrottledException":      esm.ErrNotRun,
	"EC2UnexpectedException":     esm.ErrNotRun,
	"SnapStartNotReadyException": esm.ErrNotRun,
	"SnapStartTimeoutException":  esm.ErrNotRun,

	"ResourceNotFoundException":                esm.ErrRefused,
	"NoPublishedVersionException":              esm.ErrRefused,
	"AccessDeniedException":                    esm.ErrRefused,
	"InvalidParameterValueException":           esm.ErrRefused,
	"InvalidRequestContentException":           esm.ErrRefused,
	"ModeNotSupportedException":                esm.ErrRefused,
	"RequestTooLargeException":                 esm.ErrTooLarge,
	"RequestEntityTooLargeException":           esm.ErrTooLarge, // its name on the wire
	"SerializedRequestEntityTooLargeException": esm.ErrTooLarge,
	"UnsupportedMediaTypeException":            esm.ErrRefused,
	"RecursiveInvocationException":             esm.ErrRefused,
	"DurableExecutionAlreadyStartedException":  esm.ErrRefused,
	"InvalidRuntimeException":                  esm.ErrRefused,
	"InvalidZipFileException":                  esm.ErrRefused,
	"InvalidSecurityGroupIDException":          esm.ErrRefused,
	"InvalidSubnetIDException":                 esm.ErrRefused,
	"SubnetIPAddressLimitReachedException":     esm.ErrRefused,
	"ENILimitReachedException":                 esm.ErrRefused,
	"EC2AccessDeniedException":                 esm.ErrRefused,
	"EFSIOException":                           esm.ErrRefused,
	"EFSMountConnectivityException":            esm.ErrRefused,
	"EFSMountFailureException":                 esm.ErrRefused,
	"EFSMountTimeoutException":                 esm.ErrRefused,
	"S3FilesMountConnectivityException":        esm.ErrRefused,
	"S3FilesMountFailureException":             esm.ErrRefused,
	"S3FilesMountTimeoutException":             esm.ErrRefused,
	"KMSAccessDeniedException":                 esm.ErrRefused,
	"KMSDisabledException":                     esm.ErrRefused,
	"KMSInvalidStateException":                 esm.ErrRefused,
	"KMSNotFoundException":                     esm.ErrRefused,
	"SnapStartException":                       esm.ErrRefused, // a restore hook of the function failed
	"SnapStartRegenerationFailureException":    esm.ErrRefused,
}

// sending follows one request. The transport calls it from other goroutines.
type sending struct {
	asked     atomic.Bool // for a connection
	connected atomic.Bool // from here on the request may have been sent
}

// watch returns the context for the request.
func (s *sending) watch(ctx context.Context) context.Context {
	return httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GetConn: func(string) { s.asked.Store(true) },
		GotConn: func(httptrace.GotConnInfo) { s.connected.Store(true) },
	})
}

// explain wraps err in its class, if it is known.
func (s *sending) explain(ctx context.Context, err error) error {
	if cause := context.Cause(ctx); cause != nil {
		err = fmt.Errorf("%w: %w", cause, err)
	}
	exchange, begun := errors.AsType[*smithyhttp.ResponseError](err)
	switch {
	case begun && exchange.HTTPStatusCode() != 0:
		return wrap(judge(err, exchange.HTTPStatusCode()), err)
	case s.mayHaveBeenSent(begun):
		return err
	default:
		return wrap(esm.ErrNotRun, err)
	}
}

// judge classifies an answer of the endpoint; nil is unknown.
func judge(err error, status int) error {
	if exception, ok := errors.AsType[smithy.APIError](err); ok {
		if known, ok := meaning[exception.ErrorCode()]; ok {
			return known
		}
	}
	switch {
	case status < http.StatusBadRequest:
		return nil // a response that could not be read, or is not one of Invoke's
	case status == http.StatusTooManyRequests:
		return esm.ErrThrottled
	case status == http.StatusRequestEntityTooLarge:
		return esm.ErrTooLarge
	case status == http.StatusServiceUnavailable:
		return esm.ErrNotRun // a load balancer without targets
	case status == http.StatusRequestTimeout, status >= http.StatusInternalServerError:
		return nil // from a gateway that gave up waiting, or from the emulator when a handler crashed
	default:
		return esm.ErrRefused
	}
}

// mayHaveBeenSent reports whether a request without an answer may have reached the endpoint. Unless begun, it did not
// reach the transport, for example because there are no credentials.
func (s *sending) mayHaveBeenSent(begun bool) bool {
	return s.connected.Load() || begun && !s.asked.Load()
}

func wrap(kind, err error) error {
	if kind == nil {
		return err
	}
	return fmt.Errorf("%w: %w", kind, err)
}
