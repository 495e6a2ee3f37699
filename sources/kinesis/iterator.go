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
	next := start{after: deref(came[len(came)-1].SequenceNumber), record: true, at: s.at}
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
	case deref(came[0].SequenceNumber) != s.after:
		return nil, fmt.Errorf("%w: the oldest record behind it is %s", esm.ErrTrimmed, deref(came[0].SequenceNumber))
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
	case refused(err) && start.after != "":
		return iterator{}, fmt.Errorf("%w: %w", esm.ErrForeign, err)
	case notFound(err), s.puzzling(err):
		return iterator{}, s.diagnose(ctx, shard, start, err)
	}
	return it, err
}

// puzzling reports whether err is an internal error of an emulator's, which may mean anything.
func (s *Stream) puzzling(err error) bool {
	return answers.Internal(err) && s.client.Options().BaseEndpoint != nil
}

// diagnose tells what lies behind an answer that something was not found.
func (s *Stream) diagnose(ctx context.Context, shard string, begin start, err error) error {
	return answers.Diagnose(err, answers.Probe{
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
