package ddbstreams

import (
	"context"
	"errors"
	"fmt"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/service/dynamodbstreams"
	"github.com/aws/aws-sdk-go-v2/service/dynamodbstreams/types"

	"github.com/esm-run/esm"
	"github.com/esm-run/esm/sources/internal/answers"
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
	it, err := s.ask(ctx, shard, after)
	switch {
	case refused(err) && after != "":
		return iterator{}, fmt.Errorf("%w: %w", esm.ErrForeign, err)
	case notFound(err), answers.Internal(err) && s.client.Options().BaseEndpoint != nil: // an emulator's may mean anything
		return iterator{}, s.diagnose(ctx, shard, after, err)
	}
	return it, err
}

// diagnose tells what lies behind an answer that something was not found.
func (s *Stream) diagnose(ctx context.Context, shard, after string, err error) error {
	return answers.Diagnose(err, answers.Probe{
		Shard: shard, Positioned: after != "",
		List:   func() ([]esm.Shard, error) { return s.shards(ctx) },
		Oldest: func() error { _, err := s.ask(ctx, shard, ""); return err },
		Again:  func() error { _, err := s.ask(ctx, shard, after); return err },
	})
}

func (s *Stream) ask(ctx context.Context, shard, after string) (iterator, error) {
	in := &sdk.GetShardIteratorInput{StreamArn: &s.arn.text, ShardId: &shard, ShardIteratorType: types.ShardIteratorTypeTrimHorizon}
	if after != "" {
		in.ShardIteratorType = types.ShardIteratorTypeAfterSequenceNumber
		in.SequenceNumber = &after
	}
	now := time.Now()
	out, err := s.client.GetShardIterator(ctx, in, atMostTwice)
	if err != nil {
		return iterator{}, err
	}
	if deref(out.ShardIterator) == "" {
		return iterator{}, errors.New("an answer without an iterator")
	}
	return iterator{text: *out.ShardIterator, since: now}, nil
}

// atMostTwice lets the SDK repeat a call whose connection broke, and leaves all else to this package.
func atMostTwice(o *sdk.Options) { o.Retryer = answers.Twice }
