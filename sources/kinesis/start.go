package kinesis

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/kinesis"
	"github.com/aws/aws-sdk-go-v2/service/kinesis/types"

	"github.com/esm-run/esm"
	"github.com/esm-run/esm/sources/internal/polling"
)

// start is where reading begins: after a sequence number, within the aggregated record that has it, at a time, or at the
// oldest record.
type start struct {
	after  string    // a sequence number
	record bool      // after is that of a record, not just a point that a subscription has reached
	within bool      // that record was returned in part
	verify bool      // that record is read again, to check that the stream still has it
	at     time.Time // records before this time are skipped, up to the first that is not
}

func newStart(from esm.From) start {
	seq, _, within := strings.Cut(from.After, "/")
	return start{after: seq, record: seq != "", within: within, at: from.At}
}

func (s start) kind() types.ShardIteratorType {
	switch {
	case s.within || s.verify:
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

// verifyAfterIdle is how long a shard may stay unread before its position has to be verified.
const verifyAfterIdle = 5 * time.Minute

// verifyAfter returns s with verify set if the shard was last read too long ago; the zero time means never.
func (s start) verifyAfter(lastRead time.Time) start {
	s.verify = s.verify || s.record && time.Since(lastRead) >= verifyAfterIdle
	return s
}

// accept returns the wanted ones of recs, which were read at s, and the start of the next read.
func (s start) accept(recs []types.Record) (wanted []types.Record, next start, err error) {
	if len(recs) == 0 {
		return nil, s, nil
	}
	next = start{after: aws.ToString(recs[len(recs)-1].SequenceNumber), record: true, at: s.at}
	if recs, err = s.checkAnchor(recs); err != nil {
		return nil, s, err
	}
	if wanted = s.dropBefore(recs); len(wanted) > 0 {
		next.at = time.Time{}
	}
	return wanted, next, nil
}

// checkAnchor checks that the first record is the one at s, if that was asked for, and removes it unless a part of it is
// wanted. If it is missing, the stream no longer has it: at a trimmed position Kinesis continues with the oldest record
// without an error, and it is unknown how many records are lost.
func (s start) checkAnchor(recs []types.Record) ([]types.Record, error) {
	switch {
	case !s.within && !s.verify:
		return recs, nil
	case aws.ToString(recs[0].SequenceNumber) != s.after:
		return nil, fmt.Errorf("%w: the oldest record after it is %s", esm.ErrTrimmed, aws.ToString(recs[0].SequenceNumber))
	case s.within:
		return recs, nil
	}
	return recs[1:], nil
}

// dropBefore removes the first records before s.at, because LocalStack truncates the time of an iterator to the second. It
// keeps all records after the first one that is not before s.at, because arrival times need not ascend.
func (s start) dropBefore(recs []types.Record) []types.Record {
	n := slices.IndexFunc(recs, func(r types.Record) bool { return !s.isBefore(r) })
	if n < 0 {
		return nil
	}
	return recs[n:]
}

// isBefore compares in milliseconds, the precision of arrival times.
func (s start) isBefore(r types.Record) bool {
	return !s.at.IsZero() && r.ApproximateArrivalTimestamp != nil && r.ApproximateArrivalTimestamp.UnixMilli() < s.at.UnixMilli()
}

// iterator asks for an iterator at start.
func (s *Stream) iterator(ctx context.Context, shard string, begin start) (string, error) {
	ask := func(at start) (string, error) {
		var out *sdk.GetShardIteratorOutput
		err := s.calls.Do(ctx, func() (err error) {
			out, err = s.reads.GetShardIterator(ctx, &sdk.GetShardIteratorInput{
				StreamARN:              &s.arn.stream,
				ShardId:                &shard,
				ShardIteratorType:      at.kind(),
				StartingSequenceNumber: at.number(),
				Timestamp:              at.timestamp(),
			})
			return err
		})
		if err != nil {
			return "", err
		}
		return aws.ToString(out.ShardIterator), nil
	}
	return polling.Position{
		Shard: shard, AfterRecord: begin.after != "", Emulated: s.emulated(),
		Ask:       func() (string, error) { return ask(begin) },
		AskOldest: func() error { _, err := ask(start{}); return err },
		List: func() ([]esm.Shard, error) {
			shards, err := s.shards(ctx)
			return shards, gone(err, esm.ErrNoStream)
		},
	}.Iterator()
}

func (s *Stream) emulated() bool { return s.client.Options().BaseEndpoint != nil }
