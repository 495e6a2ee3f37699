package ddbstreams

import (
	"errors"

	"github.com/esm-run/esm"
	"github.com/esm-run/esm/sources/internal/answers"
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

var kinds = answers.Kinds{SlowDown: ErrSlowDown, Denied: ErrDenied, Codes: map[string]error{
	"LimitExceededException": ErrSlowDown,
	"ThrottlingException":    ErrSlowDown,

	"AccessDeniedException":               ErrDenied,
	"UnrecognizedClientException":         ErrDenied,
	"InvalidSignatureException":           ErrDenied,
	"MissingAuthenticationTokenException": ErrDenied,

	"TrimmedDataAccessException": esm.ErrTrimmed,
}}

func notFound(err error) bool { return answers.Code(err) == "ResourceNotFoundException" }

func trimmed(err error) bool { return answers.Code(err) == "TrimmedDataAccessException" }

func expired(err error) bool { return answers.Code(err) == "ExpiredIteratorException" }

// refused reports whether the service found fault with what it was asked, such as a position of another shard.
func refused(err error) bool { return answers.Code(err) == "ValidationException" }

func throttled(err error) bool { return errors.Is(kinds.Wrap(err), ErrSlowDown) }
