package kinesis

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/ratelimit"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	sdk "github.com/aws/aws-sdk-go-v2/service/kinesis"
	"github.com/aws/aws-sdk-go-v2/service/kinesis/types"

	"github.com/esm-run/esm"
)

// start is where reading begins: behind a sequence number, or within the aggregated record that has it, or at a time, or
// at the oldest record there is.
type start struct {
	after  string // a sequence number
	within bool   // the record of that number was handed out in part
	at     time.Time
}

func newStart(from esm.From) start {
	seq, _, within := strings.Cut(from.After, "/")
	return start{after: seq, within: within, at: from.At}
}

func (s start) kind() types.ShardIteratorType {
	switch {
	case s.within:
		return types.ShardIteratorTypeAtSequenceNumber
	case s.after != "":
		return types.ShardIteratorTypeAfterSequenceNumber
	case !s.at.IsZero():
		return types.ShardIteratorTypeAtTimestamp
	}
	return types.ShardIteratorTypeTrimHorizon
}

func (s start) number() *string {
	if s.after == "" {
		return nil
	}
	return &s.after
}

func (s start) timestamp() *time.Time {
	if s.after != "" || s.at.IsZero() {
		return nil
	}
	return &s.at
}

// iterator is the service's word for where to read next.
type iterator struct {
	text  string
	since time.Time
}

// iteratorLives is how long an iterator can be used (API reference: "GetShardIterator").
const iteratorLives = 5 * time.Minute

func (i iterator) usable(now time.Time) bool { return i.text != "" && now.Sub(i.since) < iteratorLives }

// iterate asks for an iterator at start.
func (s *Stream) iterate(ctx context.Context, shard string, start start) (iterator, error) {
	now := time.Now()
	out, err := s.client.GetShardIterator(ctx, &sdk.GetShardIteratorInput{
		StreamARN:              &s.arn.stream,
		ShardId:                &shard,
		ShardIteratorType:      start.kind(),
		StartingSequenceNumber: start.number(),
		Timestamp:              start.timestamp(),
	}, atMostTwice)
	switch {
	case err == nil && deref(out.ShardIterator) == "":
		return iterator{}, fmt.Errorf("an answer without an iterator")
	case err == nil:
		return iterator{text: *out.ShardIterator, since: now}, nil
	case notFound(err):
		return iterator{}, s.missing(ctx, shard, start, err)
	case refused(err) && start.after != "":
		return iterator{}, fmt.Errorf("%w: %w", esm.ErrForeign, err)
	}
	return iterator{}, err
}

// atMostTwice keeps the SDK from retrying what this package decides on: it repeats a call whose connection broke, once and
// at once, and nothing else. Throttling is a matter of the shard's pace, and emulators answer with a status of 500 to what
// will never go well.
func atMostTwice(o *sdk.Options) { o.Retryer = twice }

var twice aws.Retryer = retry.NewStandard(func(o *retry.StandardOptions) {
	o.MaxAttempts = 2
	o.Retryables = []retry.IsErrorRetryable{retry.NoRetryCanceledError{}, retry.RetryableConnectionError{}}
	o.Backoff = retry.BackoffDelayerFunc(func(int, error) (time.Duration, error) { return 0, nil })
	o.RateLimiter = ratelimit.None
})
