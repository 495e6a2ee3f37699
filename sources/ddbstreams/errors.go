package ddbstreams

import (
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/esm-run/esm"
)

// What an error of a [Stream] may be, besides those of the contract and trouble with the network or the service. Both
// pass when somebody does something about them, or by themselves.
var (
	// ErrSlowDown says that the caller is too fast: too many readers of a shard, or too many listings in the account.
	ErrSlowDown = errors.New("slow down")

	// ErrDenied says that the credentials are refused or lack a permission: dynamodb:DescribeStream,
	// dynamodb:GetShardIterator and dynamodb:GetRecords are needed.
	ErrDenied = errors.New("access is denied")
)

// errHollow is an answer of which nothing is there. The SDK takes an empty one, as something between it and a service that
// is going down may give it, for a success: taken at its word a shard would be at its end.
var errHollow = errors.New("an answer without content")

// Error codes by what they mean.
var kinds = map[string]error{
	"LimitExceededException": ErrSlowDown,
	"ThrottlingException":    ErrSlowDown,

	"AccessDeniedException":               ErrDenied,
	"UnrecognizedClientException":         ErrDenied,
	"InvalidSignatureException":           ErrDenied,
	"MissingAuthenticationTokenException": ErrDenied,
}

// kindOf wraps err with the sentinel that says what it is, if there is one.
func kindOf(err error) error {
	if decided(err) {
		return err
	}
	if kind := sentinel(err); kind != nil {
		return fmt.Errorf("%w: %w", kind, err)
	}
	return err
}

// decided reports whether err already says what it means.
func decided(err error) bool {
	for _, kind := range []error{esm.ErrNoStream, esm.ErrNoShard, esm.ErrForeign} {
		if errors.Is(err, kind) {
			return true
		}
	}
	return false
}

func sentinel(err error) error {
	code := codeOf(err)
	if trimmed(err) {
		return esm.ErrTrimmed
	}
	if kind, known := kinds[code]; known {
		return kind
	}
	if _, throttled := retry.DefaultThrottleErrorCodes[code]; throttled {
		return ErrSlowDown
	}
	if resp, ok := errors.AsType[*smithyhttp.ResponseError](err); ok {
		switch resp.HTTPStatusCode() {
		case http.StatusForbidden:
			return ErrDenied
		case http.StatusTooManyRequests:
			return ErrSlowDown
		}
	}
	return nil
}

// codeOf is the service's name for what went wrong; empty when it did not answer.
func codeOf(err error) string {
	api, ok := errors.AsType[smithy.APIError](err)
	if !ok {
		return ""
	}
	if _, code, found := strings.Cut(api.ErrorCode(), "#"); found { // some emulators send the namespace too
		return code
	}
	return api.ErrorCode()
}

func notFound(err error) bool { return codeOf(err) == "ResourceNotFoundException" }

func trimmed(err error) bool { return codeOf(err) == "TrimmedDataAccessException" }

func expired(err error) bool { return codeOf(err) == "ExpiredIteratorException" }

// refused reports whether the service found fault with what it was asked, such as a position of another shard.
func refused(err error) bool { return codeOf(err) == "ValidationException" }

// internal reports whether the service puts it down to itself.
func internal(err error) bool {
	resp, ok := errors.AsType[*smithyhttp.ResponseError](err)
	return ok && resp.HTTPStatusCode() >= http.StatusInternalServerError
}

func throttled(err error) bool { return errors.Is(kindOf(err), ErrSlowDown) }
