package ddbstreams

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/ratelimit"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	sdk "github.com/aws/aws-sdk-go-v2/service/dynamodbstreams"
	"github.com/aws/aws-sdk-go-v2/service/dynamodbstreams/types"

	"github.com/esm-run/esm"
)

// iterator is the service's word for where to read next.
type iterator struct {
	text  string
	since time.Time
}

// iteratorLives is how long an iterator can be used (API reference: "GetShardIterator").
const iteratorLives = 15 * time.Minute

func (i iterator) usable(now time.Time) bool { return i.text != "" && now.Sub(i.since) < iteratorLives }

// iterate asks for an iterator behind a sequence number, or for the oldest record when that is empty.
func (s *Stream) iterate(ctx context.Context, shard, after string) (iterator, error) {
	in := &sdk.GetShardIteratorInput{StreamArn: &s.arn.text, ShardId: &shard, ShardIteratorType: types.ShardIteratorTypeTrimHorizon}
	if after != "" {
		in.ShardIteratorType = types.ShardIteratorTypeAfterSequenceNumber
		in.SequenceNumber = &after
	}
	now := time.Now()
	out, err := s.client.GetShardIterator(ctx, in, atMostTwice)
	switch {
	case err == nil && deref(out.ShardIterator) == "":
		return iterator{}, errors.New("an answer without an iterator")
	case err == nil:
		return iterator{text: *out.ShardIterator, since: now}, nil
	case notFound(err):
		return iterator{}, s.missing(ctx, err)
	case refused(err) && after != "":
		return iterator{}, fmt.Errorf("%w: %w", esm.ErrForeign, err)
	}
	return iterator{}, err
}

// atMostTwice keeps the SDK from retrying what this package decides on: it repeats a call whose connection broke, once and
// at once, and nothing else. Throttling is a matter of the reader's pace, and emulators answer with a status of 500 to what
// will never go well.
func atMostTwice(o *sdk.Options) { o.Retryer = twice }

var twice aws.Retryer = retry.NewStandard(func(o *retry.StandardOptions) {
	o.MaxAttempts = 2
	o.Retryables = []retry.IsErrorRetryable{retry.NoRetryCanceledError{}, retry.RetryableConnectionError{}}
	o.Backoff = retry.BackoffDelayerFunc(func(int, error) (time.Duration, error) { return 0, nil })
	o.RateLimiter = ratelimit.None
})
