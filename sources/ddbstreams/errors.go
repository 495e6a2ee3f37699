package ddbstreams

import (
	"github.com/esm-run/esm"
	"github.com/esm-run/esm/sources/internal/awserr"
)

// What an error of a [Stream] may be, besides those of the contract and trouble with the network or the service. Both
// pass when somebody does something about them, or by themselves.
var (
	// ErrSlowDown says that the caller is too fast: too many readers of a shard, or too many listings in the account.
	ErrSlowDown = awserr.ErrSlowDown

	// ErrDenied says that the credentials are refused or lack a permission: dynamodb:DescribeStream,
	// dynamodb:GetShardIterator and dynamodb:GetRecords are needed.
	ErrDenied = awserr.ErrDenied
)

var codes = awserr.Codes{"TrimmedDataAccessException": esm.ErrTrimmed}

func trimmed(err error) bool { return awserr.Code(err) == "TrimmedDataAccessException" }
