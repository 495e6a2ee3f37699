package kinesis

import (
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/kinesis"
	"github.com/aws/aws-sdk-go-v2/service/kinesis/schemas"
	"github.com/aws/aws-sdk-go-v2/service/kinesis/types"
	"github.com/aws/smithy-go/transport/http/protocol/awsjson"

	"github.com/esm-run/esm/localstack/embedded/inprocess"
)

// A client is an SDK client with a stream called orders. Its methods fail the test when Kinesis returns an error.
type client struct {
	*sdk.Client
	t    testing.TB
	name *string // of the stream
}

func newClient(t testing.TB, config aws.Config, shards int32) *client {
	c := &client{Client: sdk.NewFromConfig(config), t: t, name: aws.String("orders")}
	c.create(*c.name, shards)
	return c
}

// bubble runs a test with a new server and virtual time.
func bubble(t *testing.T, shards int32, test func(c *client)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) { test(newClient(t, inprocess.Config(new(Server)), shards)) })
}

func (c *client) must(err error) {
	c.t.Helper()
	if err != nil {
		c.t.Fatal(err)
	}
}

func (c *client) create(name string, shards int32) {
	c.t.Helper()
	_, err := c.CreateStream(c.t.Context(), &sdk.CreateStreamInput{StreamName: &name, ShardCount: &shards})
	c.must(err)
}

func (c *client) delete() {
	c.t.Helper()
	_, err := c.DeleteStream(c.t.Context(), &sdk.DeleteStreamInput{StreamName: c.name, EnforceConsumerDeletion: aws.Bool(true)})
	c.must(err)
}

func (c *client) arn() *string {
	return aws.String("arn:aws:kinesis:us-east-1:000000000000:stream/" + *c.name)
}

func (c *client) put(key, data string) *sdk.PutRecordOutput {
	c.t.Helper()
	out, err := c.PutRecord(c.t.Context(), &sdk.PutRecordInput{StreamName: c.name, PartitionKey: &key, Data: []byte(data)})
	c.must(err)
	return out
}

// putMany puts n records, whose data are 0, 1 and so on, under one key, and returns their sequence numbers.
func (c *client) putMany(n int) (numbers []*string) {
	c.t.Helper()
	for i := range n {
		numbers = append(numbers, c.put("key", strconv.Itoa(i)).SequenceNumber)
	}
	return numbers
}

// iterator returns an iterator of a type; number may be nil.
func (c *client) iterator(shard int, kind types.ShardIteratorType, number *string) *string {
	c.t.Helper()
	out, err := c.GetShardIterator(c.t.Context(), &sdk.GetShardIteratorInput{
		StreamName: c.name, ShardId: aws.String(shardID(shard)), ShardIteratorType: kind, StartingSequenceNumber: number,
	})
	c.must(err)
	return out.ShardIterator
}

func (c *client) read(iterator *string, limit int32) *sdk.GetRecordsOutput {
	c.t.Helper()
	out, err := c.GetRecords(c.t.Context(), &sdk.GetRecordsInput{ShardIterator: iterator, Limit: &limit})
	c.must(err)
	return out
}

// all returns the data of a shard.
func (c *client) all(shard int) string {
	c.t.Helper()
	return dataOf(c.read(c.iterator(shard, trimHorizon, nil), 10_000).Records)
}

func dataOf(recs []types.Record) string {
	var data []string
	for _, r := range recs {
		data = append(data, string(r.Data))
	}
	return strings.Join(data, " ")
}

func (c *client) shards(f *types.ShardFilter) []types.Shard {
	c.t.Helper()
	out, err := c.ListShards(c.t.Context(), &sdk.ListShardsInput{StreamName: c.name, ShardFilter: f})
	c.must(err)
	return out.Shards
}

// half is the middle of all hash keys.
const half = "170141183460469231731687303715884105728"

func (c *client) split(shard int, at string) {
	c.t.Helper()
	_, err := c.SplitShard(c.t.Context(), &sdk.SplitShardInput{
		StreamName: c.name, ShardToSplit: aws.String(shardID(shard)), NewStartingHashKey: &at,
	})
	c.must(err)
}

func (c *client) merge(x, y int) {
	c.t.Helper()
	_, err := c.MergeShards(c.t.Context(), &sdk.MergeShardsInput{
		StreamName: c.name, ShardToMerge: aws.String(shardID(x)), AdjacentShardToMerge: aws.String(shardID(y)),
	})
	c.must(err)
}

func (c *client) consumer(name string) *string {
	c.t.Helper()
	out, err := c.RegisterStreamConsumer(c.t.Context(), &sdk.RegisterStreamConsumerInput{StreamARN: c.arn(), ConsumerName: &name})
	c.must(err)
	return out.Consumer.ConsumerARN
}

func (c *client) trySubscribe(consumer *string, at types.StartingPosition) (*sdk.SubscribeToShardEventStream, error) {
	out, err := c.SubscribeToShard(c.t.Context(), &sdk.SubscribeToShardInput{
		ConsumerARN: consumer, ShardId: aws.String(shardID(0)), StartingPosition: &at,
	}, func(o *sdk.Options) { o.Protocol = awsjson.New11(schemas.Kinesis_20131202) }) // the client's own does not allow concurrent streams
	if err != nil {
		return nil, err
	}
	return out.GetStream(), nil
}

func (c *client) subscribe(consumer *string) *sdk.SubscribeToShardEventStream {
	c.t.Helper()
	events, err := c.trySubscribe(consumer, types.StartingPosition{Type: trimHorizon})
	c.must(err)
	return events
}

func (c *client) wantAfter(what string, start time.Time, want time.Duration) {
	c.t.Helper()
	if got := time.Since(start); got != want {
		c.t.Errorf("%s after %v, want %v", what, got, want)
	}
}

func (c *client) wantError(err error, code, text string) {
	c.t.Helper()
	if err == nil || !strings.Contains(err.Error(), code) || !strings.Contains(err.Error(), text) {
		c.t.Errorf("got %v, want %s and %q", err, code, text)
	}
}
