package kinesis

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/service/kinesis"
	"github.com/aws/aws-sdk-go-v2/service/kinesis/types"

	"github.com/esm-run/esm"
	"github.com/esm-run/esm/sources/internal/answers"
)

// start is where reading begins: behind a sequence number, or within the aggregated record that has it, or at a time, or
// at the oldest record there is.
type start struct {
	after  string    // a sequence number
	within bool      // the record of that number was handed out in part
	proven bool      // it is read once more, to see that the stream has it still: see prove
	at     time.Time // what arrived before it is left out, until something was read that did not
}

func newStart(from esm.From) start {
	seq, _, within := strings.Cut(from.After, "/")
	return start{after: seq, within: within, at: from.At}
}

func (s start) kind() types.ShardIteratorType {
	switch {
	case s.within || s.proven:
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

// prove leaves the record at s out, which proves that the stream keeps it still. Behind a position that was trimmed away
// Kinesis goes on with the oldest record and says nothing: what is not there then, nobody knows.
func (s start) prove(came []types.Record) ([]types.Record, error) {
	switch {
	case !s.proven || len(came) == 0:
		return came, nil
	case deref(came[0].SequenceNumber) == s.after:
		return came[1:], nil
	}
	return nil, fmt.Errorf("%w: the oldest record behind it is %s", esm.ErrTrimmed, deref(came[0].SequenceNumber))
}

// behind tells which of the records that came from s on belong there, and where the next one is. The first ones may have
// arrived before the time that was asked for: LocalStack cuts it to the second. That is judged up to the first that belongs
// there, since arrival times need not ascend.
func (s start) behind(came []types.Record) ([]types.Record, start) {
	if len(came) == 0 {
		return came, s
	}
	next := start{after: deref(came[len(came)-1].SequenceNumber), at: s.at}
	n := slices.IndexFunc(came, func(r types.Record) bool { return !s.early(r) })
	if n < 0 {
		return nil, next
	}
	next.at = time.Time{}
	return came[n:], next
}

// early reports whether a record arrived before the time where reading begins, in whole milliseconds as services tell it.
func (s start) early(r types.Record) bool {
	return !s.at.IsZero() && r.ApproximateArrivalTimestamp != nil && r.ApproximateArrivalTimestamp.UnixMilli() < s.at.UnixMilli()
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
	it, err := s.ask(ctx, shard, start)
	switch {
	case notFound(err):
		return iterator{}, s.missing(ctx, shard, start, err)
	case refused(err) && start.after != "":
		return iterator{}, fmt.Errorf("%w: %w", esm.ErrForeign, err)
	case answers.Internal(err) && s.client.Options().BaseEndpoint != nil:
		return iterator{}, s.diagnose(ctx, shard, start, err)
	}
	return it, err
}

// diagnose tells what lies behind an internal error of an emulator's.
func (s *Stream) diagnose(ctx context.Context, shard string, begin start, err error) error {
	return answers.Unknown(err, answers.Probe{
		Shard: shard, Positioned: begin.after != "",
		List: func() ([]esm.Shard, error) {
			shards, err := s.shards(ctx)
			return shards, gone(err, esm.ErrNoStream)
		},
		Oldest: func() error { _, err := s.ask(ctx, shard, start{}); return err },
		Again:  func() error { _, err := s.ask(ctx, shard, begin); return err },
	})
}

func (s *Stream) ask(ctx context.Context, shard string, start start) (iterator, error) {
	now := time.Now()
	out, err := s.client.GetShardIterator(ctx, &sdk.GetShardIteratorInput{
		StreamARN:              &s.arn.stream,
		ShardId:                &shard,
		ShardIteratorType:      start.kind(),
		StartingSequenceNumber: start.number(),
		Timestamp:              start.timestamp(),
	}, atMostTwice)
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
