package rig

import (
	"context"
	"fmt"
	"math/big"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kinesis"
	"github.com/aws/aws-sdk-go-v2/service/kinesis/types"
)

// A Stream is a Kinesis stream of a test's own.
type Stream struct {
	*Env
	Name, ARN string
	shards    int // that it was made with
}

// Stream makes a stream, which is deleted after the test.
func (e *Env) Stream(name string, shards int) *Stream {
	e.Helper()
	name += e.Suffix
	s := &Stream{Env: e, Name: name, ARN: "arn:aws:kinesis:us-east-1:000000000000:stream/" + name, shards: shards}
	e.Must(s.create())
	e.Must(s.WaitActive(e.Context()))
	e.Cleanup(func() {
		_, _ = e.Kinesis.DeleteStream(context.Background(), &kinesis.DeleteStreamInput{StreamName: &name, EnforceConsumerDeletion: aws.Bool(true)})
	})
	return s
}

func (s *Stream) create() error {
	_, err := s.Kinesis.CreateStream(s.Context(), &kinesis.CreateStreamInput{StreamName: &s.Name, ShardCount: aws.Int32(int32(s.shards))})
	return err
}

// Recreate deletes the stream, waits until that is noticed, and makes one of the same name.
func (s *Stream) Recreate(noticed func() bool) {
	s.Helper()
	_, err := s.Kinesis.DeleteStream(s.Context(), &kinesis.DeleteStreamInput{StreamName: &s.Name})
	s.Must(err)
	Eventually(s.TB, "it is noticed that the stream is gone", noticed)
	Eventually(s.TB, "the stream can be made again", func() bool { return s.create() == nil })
	s.Must(s.WaitActive(s.Context()))
}

// WaitActive waits until the stream may be written, split and merged.
func (s *Stream) WaitActive(ctx context.Context) error {
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		out, err := s.Kinesis.DescribeStreamSummary(ctx, &kinesis.DescribeStreamSummaryInput{StreamName: &s.Name})
		if err != nil || out.StreamDescriptionSummary.StreamStatus == types.StreamStatusActive {
			return err
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// StreamARN is [Source].StreamARN.
func (s *Stream) StreamARN() string { return s.ARN }

// Put is [Source].Put.
func (s *Stream) Put(texts ...string) {
	s.Helper()
	s.PutInto(0, "k", texts...)
}

// PutInto puts records into one of the shards that the stream was made with.
func (s *Stream) PutInto(shard int, key string, texts ...string) {
	s.Helper()
	hash := new(big.Int).Lsh(big.NewInt(1), 128)
	hash.Mul(hash, big.NewInt(int64(shard))).Div(hash, big.NewInt(int64(s.shards))).Add(hash, big.NewInt(1))
	entries := make([]types.PutRecordsRequestEntry, len(texts))
	for i, text := range texts {
		entries[i] = types.PutRecordsRequestEntry{Data: []byte(text), PartitionKey: &key, ExplicitHashKey: aws.String(hash.String())}
	}
	s.Must(s.PutEntries(entries))
}

// PutKeyed is [Source].PutKeyed.
func (s *Stream) PutKeyed(keys, n int) {
	s.Helper()
	var entries []types.PutRecordsRequestEntry
	for k := range keys {
		key, text := keyed(k, n)
		entries = append(entries, types.PutRecordsRequestEntry{PartitionKey: &key, Data: []byte(text)})
	}
	s.Must(s.PutEntries(entries))
}

// PutEntries puts records with one request.
func (s *Stream) PutEntries(entries []types.PutRecordsRequestEntry) error {
	out, err := s.Kinesis.PutRecords(s.Context(), &kinesis.PutRecordsInput{StreamName: &s.Name, Records: entries})
	if err == nil && *out.FailedRecordCount > 0 {
		err = fmt.Errorf("%d of %d records were not put", *out.FailedRecordCount, len(entries))
	}
	return err
}

// Records reads the whole stream: by text, what the service returns, and the shard.
func (s *Stream) Records() (records map[string]types.Record, shards map[string]string) {
	s.Helper()
	all, err := s.Shards(s.Context())
	s.Must(err)
	records, shards = map[string]types.Record{}, map[string]string{}
	for _, shard := range all {
		for _, r := range s.read(*shard.ShardId) {
			records[string(r.Data)], shards[string(r.Data)] = r, *shard.ShardId
		}
	}
	return records, shards
}

// Stored is [Source].Stored.
func (s *Stream) Stored() map[string]Stored {
	s.Helper()
	records, shards := s.Records()
	all := map[string]Stored{}
	for text, r := range records {
		all[text] = Stored{text, shards[text], *r.SequenceNumber, *r.ApproximateArrivalTimestamp}
	}
	return all
}

// read reads a shard up to its tip.
func (s *Stream) read(shard string) (recs []types.Record) {
	s.Helper()
	at, err := s.Kinesis.GetShardIterator(s.Context(), &kinesis.GetShardIteratorInput{
		StreamName: &s.Name, ShardId: &shard, ShardIteratorType: types.ShardIteratorTypeTrimHorizon,
	})
	s.Must(err)
	for next := at.ShardIterator; ; {
		out, err := s.Kinesis.GetRecords(s.Context(), &kinesis.GetRecordsInput{ShardIterator: next})
		s.Must(err)
		recs = append(recs, out.Records...)
		if next = out.NextShardIterator; next == nil || len(out.Records) == 0 && *out.MillisBehindLatest == 0 {
			return recs
		}
	}
}

func (s *Stream) noticeForm() (key, timeLayout string) {
	return "KinesisBatchInfo", "2006-01-02T15:04:05.000Z"
}

// Shards lists the shards that there are.
func (s *Stream) Shards(ctx context.Context) (shards []types.Shard, err error) {
	for in := (&kinesis.ListShardsInput{StreamName: &s.Name}); ; {
		page, err := s.Kinesis.ListShards(ctx, in)
		if err != nil {
			return nil, err
		}
		shards = append(shards, page.Shards...)
		if page.NextToken == nil {
			return shards, nil
		}
		in = &kinesis.ListShardsInput{NextToken: page.NextToken}
	}
}

// OpenShards lists the open shards in the order of their hash keys.
func (s *Stream) OpenShards(ctx context.Context) (open []types.Shard, err error) {
	all, err := s.Shards(ctx)
	for _, sh := range all {
		if sh.SequenceNumberRange.EndingSequenceNumber == nil {
			open = append(open, sh)
		}
	}
	slices.SortFunc(open, func(a, b types.Shard) int {
		return number(a.HashKeyRange.StartingHashKey).Cmp(number(b.HashKeyRange.StartingHashKey))
	})
	return open, err
}

// EndShard is [Source].EndShard.
func (s *Stream) EndShard() {
	s.Helper()
	open, err := s.OpenShards(s.Context())
	s.Must(err)
	s.Must(s.Split(s.Context(), open[0]))
	s.Must(s.WaitActive(s.Context()))
}

// Split halves a shard.
func (s *Stream) Split(ctx context.Context, shard types.Shard) error {
	low, high := number(shard.HashKeyRange.StartingHashKey), number(shard.HashKeyRange.EndingHashKey)
	middle := low.Add(low, high).Rsh(low, 1).String()
	_, err := s.Kinesis.SplitShard(ctx, &kinesis.SplitShardInput{StreamName: &s.Name, ShardToSplit: shard.ShardId, NewStartingHashKey: &middle})
	return err
}

// Scale changes the number of shards.
func (s *Stream) Scale(ctx context.Context, shards int) error {
	_, err := s.Kinesis.UpdateShardCount(ctx, &kinesis.UpdateShardCountInput{
		StreamName: &s.Name, TargetShardCount: aws.Int32(int32(shards)), ScalingType: types.ScalingTypeUniformScaling,
	})
	return err
}

func number(text *string) *big.Int {
	n, _ := new(big.Int).SetString(*text, 10)
	return n
}
