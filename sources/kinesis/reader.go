package kinesis

import (
	"context"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/kinesis"
	"github.com/aws/aws-sdk-go-v2/service/kinesis/types"

	"github.com/esm-run/esm"
	"github.com/esm-run/esm/awserr"
	"github.com/esm-run/esm/sources/internal/polling"
)

const (
	idlePoll     = time.Second     // between reads of an idle shard (AWS: "Polling and batching streams")
	iteratorLife = 5 * time.Minute // API reference: "GetShardIterator"
)

// The limits of one GetRecords. It could return 10 MB, which is much memory for many shards, and 1 MB is enough for the
// maximum rate of a shard.
const (
	pageBytes    = 1_000_000 // by the average size of earlier records
	firstRecords = 1000      // before any record
	mostRecords  = 10_000    // the largest limit that the service accepts
)

// reader reads a shard by GetRecords. It belongs to one goroutine.
type reader struct {
	polling.Reader[types.Record]
	stream *Stream
	shard  *shard
}

var _ esm.Reader = (*reader)(nil)

// reader returns a reader of a shard from start. The zero lastRead means that the shard was never read.
func (s *Stream) reader(id string, start start, lastRead time.Time) *reader {
	sh := &shard{stream: s, id: id, pace: s.pace.enter(s.arn.stream, id), start: start, lastRead: lastRead}
	r := &reader{stream: s, shard: sh}
	r.Shard, r.Life = sh, iteratorLife
	return r
}

// Read implements [esm.Reader]. It returns records of the last GetRecords, and makes the next one when those are used up: at
// the pace of the shard, at once while there are records, and after [Config].IdlePoll otherwise.
//
// A throttled read returns no records and slows the shard down; after several in a row it returns [ErrSlowDown].
func (r *reader) Read(ctx context.Context, limit int) ([]esm.Record, error) {
	recs, err := r.Reader.Read(ctx, limit, r.Fetch, func(rec *types.Record) esm.Record { return r.stream.record(r.shard.id, rec) })
	return recs, r.stream.failed("read "+r.shard.id+" of", err)
}

// Close implements [esm.Reader].
func (r *reader) Close() { r.shard.pace.leave() }

// shard is a [polling.Shard].
type shard struct {
	stream *Stream
	id     string
	pace   *shardPace

	start    start     // of the next record
	lastRead time.Time // the last successful GetRecords
	size     int       // average bytes of a record in the last answer with records; 0 before
}

// Iterator asks for an iterator at start.
func (s *shard) Iterator(ctx context.Context) (string, error) {
	if err := s.pace.iterate(ctx); err != nil {
		return "", err
	}
	s.start = s.start.verifyAfter(s.lastRead)
	return s.stream.iterator(ctx, s.id, s.start)
}

// Get makes one GetRecords.
func (s *shard) Get(ctx context.Context, iterator string, notBefore time.Time) (page polling.Page[types.Record], err error) {
	if err := s.pace.read(ctx, notBefore); err != nil {
		return page, err
	}
	var began time.Time
	var out *sdk.GetRecordsOutput
	err = s.stream.calls.Do(ctx, func() (err error) {
		began = time.Now()
		out, err = s.stream.reads.GetRecords(ctx, &sdk.GetRecordsInput{
			StreamARN: &s.stream.arn.stream, ShardIterator: &iterator, Limit: aws.Int32(s.limit()),
		})
		return err
	})
	if awserr.Throttled(err) {
		s.pace.throttled()
	}
	if err != nil {
		return page, err
	}
	return s.page(out, began)
}

// limit returns how many records to ask for.
func (s *shard) limit() int32 {
	if s.size == 0 {
		return firstRecords
	}
	return int32(min(max(pageBytes/s.size, 1), mostRecords))
}

// page decodes the answer to a GetRecords that began at a time.
func (s *shard) page(out *sdk.GetRecordsOutput, began time.Time) (page polling.Page[types.Record], err error) {
	page.Next = aws.ToString(out.NextShardIterator)
	if out.Records == nil && page.Next == "" {
		return page, polling.ErrNoContent // at the end of a shard Records is empty, not missing
	}
	bytes := 0
	for i := range out.Records {
		bytes += len(out.Records[i].Data) + len(aws.ToString(out.Records[i].PartitionKey))
	}
	s.pace.account(began, bytes)
	if n := len(out.Records); n > 0 {
		s.size = max(bytes/n, 1)
	}
	if page.Records, s.start, err = s.start.accept(out.Records); err != nil {
		return page, err
	}
	s.lastRead = time.Now()
	if len(page.Records) == 0 && s.idle(out) {
		page.NotBefore = began.Add(s.stream.idlePoll)
	}
	return page, nil
}

// idle reports whether a shard has nothing to read for now. On AWS several reads may be empty before the next record, while
// MillisBehindLatest is not zero. Elsewhere that number is not reliable, and there is no pace to slow down such reads.
func (s *shard) idle(out *sdk.GetRecordsOutput) bool {
	return aws.ToInt64(out.MillisBehindLatest) == 0 || s.pace == nil && len(out.Records) == 0
}
