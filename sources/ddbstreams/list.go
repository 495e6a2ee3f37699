package ddbstreams

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/dynamodbstreams"
	"github.com/aws/aws-sdk-go-v2/service/dynamodbstreams/types"

	"github.com/esm-run/esm"
	"github.com/esm-run/esm/awserr"
	"github.com/esm-run/esm/sources/internal/polling"
	"github.com/esm-run/esm/sources/internal/skew"
)

// retention is how long every stream keeps its records.
const retention = 24 * time.Hour

// List implements [esm.Stream] by one DescribeStream for each hundred shards. The identity is the label at the end of the
// stream's ARN, which is new for every stream. A disabled stream is listed as long as it can be read, for a day. It may
// also return [ErrSlowDown] and [ErrDenied].
func (s *Stream) List(ctx context.Context) (esm.Listing, error) {
	shards, err := s.shards(ctx)
	if err != nil {
		return esm.Listing{}, s.failed("list", err)
	}
	return esm.Listing{Identity: s.arn.label, Retention: retention, Ahead: time.Duration(s.ahead.Load()), Shards: shards}, nil
}

var errPageRepeats = errors.New("a page of a listing ends where it began")

// shards pages through DescribeStream, a hundred shards at a time.
func (s *Stream) shards(ctx context.Context) ([]esm.Shard, error) {
	var shards []esm.Shard
	for last := (*string)(nil); ; {
		page, err := s.client.DescribeStream(ctx, &sdk.DescribeStreamInput{StreamArn: &s.arn.text, ExclusiveStartShardId: last})
		if awserr.NotFound(err) {
			return nil, fmt.Errorf("%w: %w", esm.ErrNoStream, err)
		}
		if err != nil {
			return nil, err
		}
		s.ahead.Store(int64(skew.Of(page.ResultMetadata)))
		if page.StreamDescription == nil {
			return nil, polling.ErrNoContent
		}
		for i := range page.StreamDescription.Shards {
			shards = append(shards, shardOf(&page.StreamDescription.Shards[i]))
		}
		next := page.StreamDescription.LastEvaluatedShardId
		if aws.ToString(next) == "" {
			return shards, nil
		}
		if aws.ToString(next) == aws.ToString(last) {
			return nil, errPageRepeats
		}
		last = next
	}
}

// shardOf describes a shard. A closed one has an EndingSequenceNumber.
func shardOf(s *types.Shard) esm.Shard {
	out := esm.Shard{ID: aws.ToString(s.ShardId)}
	if aws.ToString(s.ParentShardId) != "" {
		out.Parents = []string{*s.ParentShardId}
	}
	if s.SequenceNumberRange != nil {
		out.Closed = aws.ToString(s.SequenceNumberRange.EndingSequenceNumber) != ""
	}
	return out
}

// confirmGone is called when the service repeatedly reports that a shard is gone or its oldest record is trimmed. A closed
// shard is then gone, although DynamoDB Local still lists it and returns iterators for it. An open one will have records
// again, so err is returned as it is, and may be retried.
func (s *Stream) confirmGone(ctx context.Context, shard string, err error) error {
	shards, listed := s.shards(ctx)
	if listed != nil {
		return fmt.Errorf("%w: %w", listed, err)
	}
	if slices.ContainsFunc(shards, func(sh esm.Shard) bool { return sh.ID == shard && !sh.Closed }) {
		return err
	}
	return fmt.Errorf("%w: %w", esm.ErrNoShard, err)
}
