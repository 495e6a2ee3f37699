package kinesis

import (
	"errors"
	"fmt"

	"github.com/esm-run/esm/sources/internal/answers"
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

var kinds = answers.Kinds{SlowDown: ErrSlowDown, Denied: ErrDenied, Codes: map[string]error{
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
}}

// gone wraps an error that says that something was not found.
func gone(err, kind error) error {
	if notFound(err) {
		return fmt.Errorf("%w: %w", kind, err)
	}
	return err
}

func notFound(err error) bool { return answers.Code(err) == "ResourceNotFoundException" }

func throttled(err error) bool { return errors.Is(kinds.Wrap(err), ErrSlowDown) }

// refused reports whether the service found fault with what it was asked, such as a position of another stream.
func refused(err error) bool {
	code := answers.Code(err)
	return code == "InvalidArgumentException" || code == "ValidationException"
}
