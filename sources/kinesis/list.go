package kinesis

import (
	"context"
	"errors"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/kinesis"
	"github.com/aws/aws-sdk-go-v2/service/kinesis/types"

	"github.com/esm-run/esm"
	"github.com/esm-run/esm/sources/internal/polling"
	"github.com/esm-run/esm/sources/internal/skew"
)

// List implements [esm.Stream] by one DescribeStreamSummary, and one ListShards for each thousand shards. The identity is
// the creation time of the stream. It may also return [ErrSlowDown] and [ErrDenied].
func (s *Stream) List(ctx context.Context) (esm.Listing, error) {
	listing, err := s.list(ctx)
	if err != nil {
		return esm.Listing{}, s.failed("list", gone(err, esm.ErrNoStream))
	}
	return listing, nil
}

func (s *Stream) list(ctx context.Context) (esm.Listing, error) {
	summary, err := s.client.DescribeStreamSummary(ctx, &sdk.DescribeStreamSummaryInput{StreamARN: &s.arn.stream})
	if err != nil {
		return esm.Listing{}, err
	}
	d := summary.StreamDescriptionSummary
	if d == nil {
		return esm.Listing{}, polling.ErrNoContent
	}
	listing := esm.Listing{Ahead: skew.Of(summary.ResultMetadata)}
	if d.StreamCreationTimestamp != nil {
		listing.Identity = d.StreamCreationTimestamp.UTC().Format(time.RFC3339Nano)
	}
	if hours := d.RetentionPeriodHours; hours != nil {
		listing.Retention = time.Duration(*hours) * time.Hour
	}
	listing.Shards, err = s.shards(ctx)
	if _, late := errors.AsType[*types.ExpiredNextTokenException](err); late { // a page took five minutes
		listing.Shards, err = s.shards(ctx)
	}
	return listing, err
}

// shards pages through ListShards. A request with a token has no other members.
func (s *Stream) shards(ctx context.Context) ([]esm.Shard, error) {
	var shards []esm.Shard
	ranges := map[string]hashes{}
	for in := (&sdk.ListShardsInput{StreamARN: &s.arn.stream}); ; {
		page, err := s.client.ListShards(ctx, in)
		if err != nil {
			return nil, err
		}
		if page.Shards == nil {
			return nil, polling.ErrNoContent
		}
		for i := range page.Shards {
			shards = append(shards, shardOf(&page.Shards[i]))
			if s.arn.consumer {
				ranges[aws.ToString(page.Shards[i].ShardId)] = hashesOf(page.Shards[i].HashKeyRange)
			}
		}
		if aws.ToString(page.NextToken) == "" {
			s.know(ranges)
			return shards, nil
		}
		if aws.ToString(page.NextToken) == aws.ToString(in.NextToken) {
			return nil, errors.New("a page of shards names itself as the next one")
		}
		in = &sdk.ListShardsInput{NextToken: page.NextToken}
	}
}

// shardOf describes a shard. A closed one has an EndingSequenceNumber, whose value is not used: in kinesis-mock it lies
// before the start.
func shardOf(s *types.Shard) esm.Shard {
	out := esm.Shard{ID: aws.ToString(s.ShardId)}
	for _, parent := range []*string{s.ParentShardId, s.AdjacentParentShardId} {
		if aws.ToString(parent) != "" {
			out.Parents = append(out.Parents, *parent)
		}
	}
	if s.SequenceNumberRange != nil {
		out.Closed = s.SequenceNumberRange.EndingSequenceNumber != nil
	}
	return out
}
