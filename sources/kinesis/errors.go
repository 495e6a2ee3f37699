package kinesis

import (
	"errors"
	"fmt"

	"github.com/esm-run/esm/sources/internal/awserr"
)

// What an error of a [Stream] may be, besides those of the contract and trouble with the network or the service. All of
// these pass when somebody does something about them, or by themselves.
var (
	// ErrSlowDown says that the caller is too fast: a shard's or an account's limit was met.
	ErrSlowDown = awserr.ErrSlowDown

	// ErrDenied says that the credentials are refused or lack a permission: DescribeStreamSummary, ListShards,
	// GetShardIterator and GetRecords are needed, and SubscribeToShard on a consumer.
	ErrDenied = awserr.ErrDenied

	// ErrNoConsumer says that the stream has no such consumer (any more): it must be registered.
	ErrNoConsumer = errors.New("the consumer does not exist")

	// ErrInUse says that somebody else reads the shard through the same consumer. Each takes the other's place: every
	// mapping needs a consumer of its own.
	ErrInUse = errors.New("the shard is read through the same consumer elsewhere")

	// ErrKey says that the key which encrypts the stream cannot be used: it is disabled, pending deletion, gone, or may not
	// be used by these credentials.
	ErrKey = errors.New("the stream's KMS key cannot be used")
)

var codes = awserr.Codes{
	"KMSAccessDeniedException": ErrKey,
	"KMSDisabledException":     ErrKey,
	"KMSInvalidStateException": ErrKey,
	"KMSNotFoundException":     ErrKey,
	"KMSOptInRequired":         ErrKey,
}

// gone wraps an error that says that something was not found.
func gone(err, kind error) error {
	if awserr.NotFound(err) {
		return fmt.Errorf("%w: %w", kind, err)
	}
	return err
}
