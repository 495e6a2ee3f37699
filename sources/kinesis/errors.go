package kinesis

import (
	"errors"
	"fmt"

	"github.com/esm-run/esm/awserr"
)

// Errors of a [Stream], besides those of the contract and those of the network or the service. All may be retried.
var (
	// ErrSlowDown is returned if a shard's or an account's limit is exceeded.
	ErrSlowDown = awserr.ErrSlowDown

	// ErrDenied is returned if the credentials are refused or lack a permission: DescribeStreamSummary, ListShards,
	// GetShardIterator and GetRecords are needed, and SubscribeToShard on a consumer.
	ErrDenied = awserr.ErrDenied

	// ErrNoConsumer is returned if the stream has no such consumer: register it.
	ErrNoConsumer = errors.New("the consumer does not exist")

	// ErrInUse is returned if another reader uses the same consumer for the shard. Each replaces the other: every mapping
	// needs its own consumer.
	ErrInUse = errors.New("the shard is read through the same consumer elsewhere")

	// ErrKey is returned if the key that encrypts the stream cannot be used: it is disabled, pending deletion, gone, or may not
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

// gone wraps a "not found" error with what was not found.
func gone(err, kind error) error {
	if awserr.NotFound(err) {
		return fmt.Errorf("%w: %w", kind, err)
	}
	return err
}
