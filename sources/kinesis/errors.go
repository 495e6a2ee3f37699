package kinesis

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

// What an error of a [Stream] may be, besides those of the contract and trouble with the network or the service. All of
// these pass when somebody does something about them, or by themselves.
var (
	// ErrSlowDown says that the caller is too fast: a shard's or an account's limit was met.
	ErrSlowDown = errors.New("slow down")

	// ErrDenied says that the credentials are refused or lack a permission: DescribeStreamSummary, ListShards,
	// GetShardIterator and GetRecords are needed, and SubscribeToShard on a consumer.
	ErrDenied = errors.New("access is denied")

	// ErrNoConsumer says that the stream has no such consumer (any more): it must be registered.
	ErrNoConsumer = errors.New("the consumer does not exist")

	// ErrInUse says that somebody else reads the shard through the same consumer. Each takes the other's place: every
	// mapping needs a consumer of its own.
	ErrInUse = errors.New("the shard is read through the same consumer elsewhere")

	// ErrKey says that the key which encrypts the stream cannot be used: it is disabled, pending deletion, gone, or may not
	// be used by these credentials.
	ErrKey = errors.New("the stream's KMS key cannot be used")
)

// errHollow is an answer of which nothing is there. The SDK takes an empty one, as something between it and a service that
// is going down may give it, for a success: taken at its word a shard would be at its end, and a stream another one.
var errHollow = errors.New("an answer without content")

// Error codes by what they mean.
var kinds = map[string]error{
	"ProvisionedThroughputExceededException": ErrSlowDown,
	"LimitExceededException":                 ErrSlowDown,
	"KMSThrottlingException":                 ErrSlowDown,

	"KMSAccessDeniedException": ErrKey,
	"KMSDisabledException":     ErrKey,
	"KMSInvalidStateException": ErrKey,
	"KMSNotFoundException":     ErrKey,
	"KMSOptInRequired":         ErrKey,

	"AccessDeniedException":       ErrDenied,
	"UnrecognizedClientException": ErrDenied,
	"InvalidSignatureException":   ErrDenied,
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
	return errors.Is(err, esm.ErrNoStream) || errors.Is(err, esm.ErrNoShard) || errors.Is(err, esm.ErrForeign)
}

func sentinel(err error) error {
	code := codeOf(err)
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

// gone wraps an error that says that something was not found.
func gone(err, kind error) error {
	if notFound(err) {
		return fmt.Errorf("%w: %w", kind, err)
	}
	return err
}

func notFound(err error) bool { return codeOf(err) == "ResourceNotFoundException" }

// internal reports whether the service puts it down to itself.
func internal(err error) bool {
	resp, ok := errors.AsType[*smithyhttp.ResponseError](err)
	return ok && resp.HTTPStatusCode() >= http.StatusInternalServerError
}

func throttled(err error) bool { return errors.Is(kindOf(err), ErrSlowDown) }

// refused reports whether the service found fault with what it was asked, such as a position of another stream.
func refused(err error) bool {
	code := codeOf(err)
	return code == "InvalidArgumentException" || code == "ValidationException"
}
