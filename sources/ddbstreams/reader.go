package ddbstreams

import (
	"context"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/dynamodbstreams"
	"github.com/aws/aws-sdk-go-v2/service/dynamodbstreams/types"
	smithytime "github.com/aws/smithy-go/time"

	"github.com/esm-run/esm"
	"github.com/esm-run/esm/awserr"
	"github.com/esm-run/esm/sources/internal/polling"
)

const (
	idlePoll     = time.Second / 4  // between reads of an idle shard (AWS: "Polling and batching streams")
	iteratorLife = 15 * time.Minute // API reference: "GetShardIterator"
	pageRecords  = 1000             // the limit of one GetRecords
)

// reader reads a shard by GetRecords. It belongs to one goroutine.
type reader struct {
	polling.Reader[types.Record]
	stream *Stream
	name   string // of the shard
}

var _ esm.Reader = (*reader)(nil)

func (s *Stream) reader(name string, from esm.From) *reader {
	sh := &shard{stream: s, id: name, after: from.After}
	if from.After == "" {
		sh.since = from.At
	}
	r := &reader{stream: s, name: name}
	r.Shard, r.Life = sh, iteratorLife
	return r
}

// Read implements [esm.Reader]. It returns records of the last GetRecords, and makes the next one when those are used up: at
// once while there are records, and after [Config].IdlePoll otherwise.
//
// A throttled read returns no records, and the next one waits for a second; after several in a row Read returns
// [ErrSlowDown].
func (r *reader) Read(ctx context.Context, limit int) ([]esm.Record, error) {
	recs, err := r.Reader.Read(ctx, limit, r.Fetch, r.stream.shape.record)
	return recs, r.stream.failed("read "+r.name+" of", err)
}

// Close implements [esm.Reader]. There is nothing to release.
func (r *reader) Close() {}

// shard is a [polling.Shard].
type shard struct {
	stream *Stream
	id     string
	after  string    // the sequence number of the last record; empty before the first
	since  time.Time // records before it are skipped, up to the first that is not; zero from then on
	failed string    // the error code of the last GetRecords
}

// Iterator asks for an iterator after the last record, or at the oldest one.
func (s *shard) Iterator(ctx context.Context) (string, error) {
	ask := func(after string) (string, error) {
		in := &sdk.GetShardIteratorInput{
			StreamArn: &s.stream.arn.text, ShardId: &s.id, ShardIteratorType: types.ShardIteratorTypeTrimHorizon,
		}
		if after != "" {
			in.ShardIteratorType, in.SequenceNumber = types.ShardIteratorTypeAfterSequenceNumber, &after
		}
		var out *sdk.GetShardIteratorOutput
		err := s.stream.calls.Do(ctx, func() (err error) {
			out, err = s.stream.reads.GetShardIterator(ctx, in)
			return err
		})
		if err != nil {
			return "", err
		}
		return aws.ToString(out.ShardIterator), nil
	}
	return polling.Position{
		Shard: s.id, AfterRecord: s.after != "", Emulated: s.stream.client.Options().BaseEndpoint != nil,
		Ask:       func() (string, error) { return ask(s.after) },
		AskOldest: func() error { _, err := ask(""); return err },
		List:      func() ([]esm.Shard, error) { return s.stream.shards(ctx) },
	}.Iterator()
}

// Get makes one GetRecords.
func (s *shard) Get(ctx context.Context, iterator string, notBefore time.Time) (page polling.Page[types.Record], err error) {
	if err := smithytime.SleepWithContext(ctx, time.Until(notBefore)); err != nil {
		return page, err
	}
	began := time.Now()
	var out *sdk.GetRecordsOutput
	err = s.stream.calls.Do(ctx, func() (err error) {
		out, err = s.stream.reads.GetRecords(ctx, &sdk.GetRecordsInput{ShardIterator: &iterator, Limit: aws.Int32(pageRecords)})
		return err
	})
	if err != nil {
		return page, s.explain(ctx, err)
	}
	s.failed = ""
	page.Next = aws.ToString(out.NextShardIterator)
	if out.Records == nil && page.Next == "" {
		return page, polling.ErrNoContent // at the end of a shard Records is empty, not missing
	}
	if n := len(out.Records); n == 0 {
		page.NotBefore = began.Add(s.stream.idlePoll)
	} else if seq := numberOf(&out.Records[n-1]); seq != "" {
		s.after = seq
	}
	page.Records = s.wanted(out.Records)
	return page, nil
}

// explain returns the error of a failed GetRecords. A shard is gone only if the service reports it twice in a row.
func (s *shard) explain(ctx context.Context, err error) error {
	code := awserr.Code(err)
	twice := code == s.failed
	s.failed = code
	if trimmed(err) && !s.since.IsZero() {
		s.after = "" // no record was returned yet, so reading may start at any oldest record
	}
	if twice && (awserr.NotFound(err) || trimmed(err) && s.after == "") {
		return s.stream.confirmGone(ctx, s.id, err)
	}
	return err
}

// wanted removes the first records from before the time at which reading begins.
func (s *shard) wanted(recs []types.Record) []types.Record {
	for i := range recs {
		if s.since.IsZero() || !before(&recs[i], s.since) {
			s.since = time.Time{}
			return recs[i:]
		}
	}
	return nil
}
