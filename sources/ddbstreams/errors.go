package ddbstreams

import (
	"github.com/esm-run/esm"
	"github.com/esm-run/esm/awserr"
)

// Errors of a [Stream], besides those of the contract and those of the network or the service. All may be retried.
var (
	// ErrSlowDown is returned for too many readers of a shard, or too many listings in the account.
	ErrSlowDown = awserr.ErrSlowDown

	// ErrDenied is returned if the credentials are refused or lack a permission: dynamodb:DescribeStream,
	// dynamodb:GetShardIterator and dynamodb:GetRecords are needed.
	ErrDenied = awserr.ErrDenied
)

var codes = awserr.Codes{"TrimmedDataAccessException": esm.ErrTrimmed}

func trimmed(err error) bool { return awserr.Code(err) == "TrimmedDataAccessException" }
