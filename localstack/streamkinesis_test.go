package localstack_test

import (
	"context"
	"encoding/json"
	"fmt"
	"math/big"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kinesis"
	"github.com/aws/aws-sdk-go-v2/service/kinesis/types"
)

// stream is a Kinesis stream of a test's own.
type stream struct {
	*corner
	name, arn string
	shards    int // that it was made with
}

// stream makes a stream, which is deleted after the test.
func (c *corner) stream(name string, shards int) *stream {
	c.Helper()
	name += c.suffix
	s := &stream{corner: c, name: name, arn: "arn:aws:kinesis:us-east-1:000000000000:stream/" + name, shards: shards}
	_, err := c.kinesis.CreateStream(c.Context(), &kinesis.CreateStreamInput{StreamName: &name, ShardCount: aws.Int32(int32(shards))})
	if err != nil {
		c.Fatal(err)
	}
	c.Cleanup(func() {
		_, _ = c.kinesis.DeleteStream(context.Background(), &kinesis.DeleteStreamInput{StreamName: &name, EnforceConsumerDeletion: aws.Bool(true)})
	})
	s.active()
	return s
}

// active waits until the stream may be written, split and merged.
func (s *stream) active() {
	s.Helper()
	eventually(s.T, "the stream is active", func() bool {
		out, err := s.kinesis.DescribeStreamSummary(s.Context(), &kinesis.DescribeStreamSummaryInput{StreamName: &s.name})
		return err == nil && out.StreamDescriptionSummary.StreamStatus == types.StreamStatusActive
	})
}

// put puts texts into the first shard, under one key.
func (s *stream) put(texts ...string) {
	s.Helper()
	s.putInto(0, "k", texts...)
}

// putInto puts texts into one of the shards that the stream was made with.
func (s *stream) putInto(shard int, key string, texts ...string) {
	s.Helper()
	hash := new(big.Int).Lsh(big.NewInt(1), 128)
	hash.Mul(hash, big.NewInt(int64(shard))).Div(hash, big.NewInt(int64(s.shards))).Add(hash, big.NewInt(1))
	entries := make([]types.PutRecordsRequestEntry, len(texts))
	for i, text := range texts {
		entries[i] = types.PutRecordsRequestEntry{Data: []byte(text), PartitionKey: &key, ExplicitHashKey: aws.String(hash.String())}
	}
	if err := s.send(entries); err != nil {
		s.Fatal(err)
	}
}

// send puts records with one request.
func (s *stream) send(entries []types.PutRecordsRequestEntry) error {
	out, err := s.kinesis.PutRecords(s.Context(), &kinesis.PutRecordsInput{StreamName: &s.name, Records: entries})
	if err == nil && *out.FailedRecordCount > 0 {
		err = fmt.Errorf("%d of %d records were not put", *out.FailedRecordCount, len(entries))
	}
	return err
}

// stored is what a stream holds of a record.
type stored struct {
	types.Record
	shard string
}

// records reads the whole stream: what the service itself says of each record, by its text.
func (s *stream) records() map[string]stored {
	s.Helper()
	listed, err := s.kinesis.ListShards(s.Context(), &kinesis.ListShardsInput{StreamName: &s.name})
	if err != nil {
		s.Fatal(err)
	}
	all := map[string]stored{}
	for _, shard := range listed.Shards {
		for _, rec := range s.read(*shard.ShardId) {
			all[string(rec.Data)] = stored{rec, *shard.ShardId}
		}
	}
	return all
}

// read reads a shard up to its tip.
func (s *stream) read(shard string) (recs []types.Record) {
	s.Helper()
	at, err := s.kinesis.GetShardIterator(s.Context(), &kinesis.GetShardIteratorInput{
		StreamName: &s.name, ShardId: &shard, ShardIteratorType: types.ShardIteratorTypeTrimHorizon,
	})
	for err == nil {
		var out *kinesis.GetRecordsOutput
		if out, err = s.kinesis.GetRecords(s.Context(), &kinesis.GetRecordsInput{ShardIterator: at.ShardIterator}); err != nil {
			break
		}
		recs = append(recs, out.Records...)
		if at.ShardIterator = out.NextShardIterator; at.ShardIterator == nil || len(out.Records) == 0 && *out.MillisBehindLatest == 0 {
			return recs
		}
	}
	s.Fatal(err)
	return nil
}

// kinesisEvent is what a handler reads of an event. Its members have AWS's names.
type kinesisEvent struct {
	Records []struct {
		Kinesis struct {
			Data           []byte
			PartitionKey   string
			SequenceNumber string
		}
		EventID string
	}
	ShardID                 string `json:"shardId"`
	Window                  struct{ Start, End time.Time }
	State                   json.RawMessage
	IsFinalInvokeForWindow  bool
	IsWindowTerminatedEarly bool
}

func kinesisOf(e event) (k kinesisEvent) {
	_ = json.Unmarshal(e.Raw, &k)
	return k
}

// texts are what was put.
func (k kinesisEvent) texts() []string {
	texts := make([]string, len(k.Records))
	for i, r := range k.Records {
		texts[i] = string(r.Kinesis.Data)
	}
	return texts
}

// shard is the number of the shard that the records are of.
func (k kinesisEvent) shard() int {
	id := k.ShardID
	if len(k.Records) > 0 {
		id, _, _ = strings.Cut(k.Records[0].EventID, ":")
	}
	n, _ := strconv.Atoi(id[strings.LastIndexByte(id, '-')+1:])
	return n
}

// texts are those that a function was given, in order, with repeats.
func (f *function) texts() (texts []string) {
	for _, e := range f.seen() {
		texts = append(texts, kinesisOf(e).texts()...)
	}
	return texts
}

// inTurn lets answer be asked, and notes if a shard has more than one batch in hand at a time.
func inTurn(overlaps *overlap, answer func(event) (string, error)) func(event) (string, error) {
	return func(e event) (string, error) {
		shard := kinesisOf(e).shard()
		overlaps.enter(shard)
		defer overlaps.leave(shard)
		return answer(e)
	}
}

// overlap counts invocations of a shard that began while another one ran.
type overlap struct {
	mu      sync.Mutex
	running map[int]int
	seen    int
}

func (o *overlap) enter(shard int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.running == nil {
		o.running = map[int]int{}
	}
	if o.running[shard]++; o.running[shard] > 1 {
		o.seen++
	}
}

func (o *overlap) leave(shard int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.running[shard]--
}

func (o *overlap) times() int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.seen
}
