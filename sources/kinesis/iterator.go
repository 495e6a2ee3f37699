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

// start is where reading begins: behind a sequence number, or within the aggregated record that has it, or at a time, or
// at the oldest record there is.
type start struct {
	after  string    // a sequence number
	record bool      // it is that of a record, not only of a place that a subscription has come to
	within bool      // that record was handed out in part
	doubt  bool      // it is read once more, to see that the stream has it still
	at     time.Time // what arrived before it is left out, until something was read that did not
}

func newStart(from esm.From) start {
	seq, _, within := strings.Cut(from.After, "/")
	return start{after: seq, record: seq != "", within: within, at: from.At}
}

func (s start) kind() types.ShardIteratorType {
	switch {
	case s.within || s.doubt:
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

// unseen is how long nothing may have been heard of a shard before it is doubted that the stream has what it had.
const unseen = 5 * time.Minute

// since doubts a start in a shard of which something was heard at some time last.
func (s start) since(heard time.Time) start {
	s.doubt = s.doubt || s.record && time.Since(heard) >= unseen
	return s
}

// took tells which of the records that came from s on belong there, and where the next one is.
func (s start) took(came []types.Record) ([]types.Record, start, error) {
	if len(came) == 0 {
		return nil, s, nil
	}
	next := start{after: aws.ToString(came[len(came)-1].SequenceNumber), record: true, at: s.at}
	came, err := s.prove(came)
	if err != nil {
		return nil, s, err
	}
	if came = s.timely(came); len(came) > 0 {
		next.at = time.Time{}
	}
	return came, next, nil
}

// prove looks for the record at s among the first that came, where it was asked for. That it is there proves that the
// stream keeps it still; then it is left out, unless a part of it is wanted. Behind a position that was trimmed away
// Kinesis goes on with the oldest record and says nothing: what is not there then, nobody knows.
func (s start) prove(came []types.Record) ([]types.Record, error) {
	switch {
	case !s.within && !s.doubt:
		return came, nil
	case aws.ToString(came[0].SequenceNumber) != s.after:
		return nil, fmt.Errorf("%w: the oldest record behind it is %s", esm.ErrTrimmed, aws.ToString(came[0].SequenceNumber))
	case s.within:
		return came, nil
	}
	return came[1:], nil
}

// timely leaves out the first records that arrived before the time that was asked for: LocalStack cuts it to the second.
// That is judged up to the first that belongs there, since arrival times need not ascend.
func (s start) timely(came []types.Record) []types.Record {
	n := slices.IndexFunc(came, func(r types.Record) bool { return !s.early(r) })
	if n < 0 {
		return nil
	}
	return came[n:]
}

// early reports whether a record arrived before the time where reading begins, in whole milliseconds as services tell it.
func (s start) early(r types.Record) bool {
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
