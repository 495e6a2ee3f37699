package main

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	ddbtypes "github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/dynamodbstreams"
	streamtypes "github.com/aws/aws-sdk-go-v2/service/dynamodbstreams/types"
	"github.com/aws/aws-sdk-go-v2/service/kinesis"
	"github.com/aws/aws-sdk-go-v2/service/kinesis/types"
	"github.com/google/uuid"

	"github.com/esm-run/esm"
	"github.com/esm-run/esm/awshttp"
	"github.com/esm-run/esm/cmd/esm/awsclient"
	"github.com/esm-run/esm/cmd/esm/wiring"
	"github.com/esm-run/esm/trace"
)

// The streams that are drained.
const (
	streamShards = 4
	shardRecords = 25_000 // in each shard, of 200 bytes
	streamBatch  = 100    // records of a batch
)

func kinesisClient(endpoint string) *kinesis.Client {
	return kinesis.New(kinesis.Options{
		Region: "us-east-1", BaseEndpoint: &endpoint, HTTPClient: awshttp.New(awsclient.Connections),
		Credentials: credentials.NewStaticCredentialsProvider("test", "test", ""),
	})
}

// newStream makes a stream of a few shards.
func newStream(b *testing.B, client *kinesis.Client) (arn string, shards []types.Shard) {
	b.Helper()
	name := "bench-" + uuid.NewString()
	if _, err := client.CreateStream(b.Context(), &kinesis.CreateStreamInput{StreamName: &name, ShardCount: aws.Int32(streamShards)}); err != nil {
		b.Fatal(err)
	}
	exists := kinesis.NewStreamExistsWaiter(client, func(o *kinesis.StreamExistsWaiterOptions) {
		o.MinDelay, o.MaxDelay = 20*time.Millisecond, time.Second
	})
	if err := exists.Wait(b.Context(), &kinesis.DescribeStreamInput{StreamName: &name}, time.Minute); err != nil {
		b.Fatal(err)
	}
	listed, err := client.ListShards(b.Context(), &kinesis.ListShardsInput{StreamName: &name})
	if err != nil {
		b.Fatal(err)
	}
	return "arn:aws:kinesis:us-east-1:000000000000:stream/" + name, listed.Shards
}

// fill puts n records of 200 bytes into a shard.
func fill(b *testing.B, client *kinesis.Client, arn string, shard types.Shard, n int) {
	b.Helper()
	const atOnce = 500
	data := []byte(strings.Repeat("x", 200))
	for sent := 0; sent < n; sent += atOnce {
		entries := make([]types.PutRecordsRequestEntry, min(atOnce, n-sent))
		for i := range entries {
			entries[i] = types.PutRecordsRequestEntry{
				Data: data, PartitionKey: aws.String(fmt.Sprint(i)), ExplicitHashKey: shard.HashKeyRange.StartingHashKey,
			}
		}
		put, err := client.PutRecords(b.Context(), &kinesis.PutRecordsInput{StreamARN: &arn, Records: entries})
		if err != nil || *put.FailedRecordCount > 0 {
			b.Fatal(put, err)
		}
	}
}

// streamEngineOn makes the parts of an engine that maps a stream, from its beginning, to a handler that does nothing.
func streamEngineOn(b *testing.B, endpoint, arn string, trace trace.Func) *wiring.Parts {
	b.Helper()
	return engineWith(b, endpoint, trace, fmt.Sprintf(
		"{FunctionName: f, EventSourceArn: '%s', StartingPosition: TRIM_HORIZON, BatchSize: %d}", arn, streamBatch))
}

// drain is one way to empty a stream: how long it took, and how much of this process's CPU.
type drain struct{ took, cpu time.Duration }

// measured is what f takes.
func measured(b *testing.B, f func()) drain {
	b.Helper()
	before, began := cpu(b), time.Now()
	f()
	return drain{took: time.Since(began), cpu: cpu(b) - before}
}

// better is the best of each.
func (d drain) better(other drain) drain {
	if d.took == 0 {
		return other
	}
	return drain{took: min(d.took, other.took), cpu: min(d.cpu, other.cpu)}
}

// compare drains by an engine and by a bare loop, three times in turn. "ratio" is the engine's rate to that of the loop,
// of the best run each; cpu-ratio is how much more CPU the engine takes for a record than the loop, handlers aside.
func compare(b *testing.B, records int, engine, bare func() drain) {
	b.Helper()
	var ours, theirs drain
	for range b.N {
		for range 3 {
			theirs = theirs.better(bare())
			ours = ours.better(engine())
		}
	}
	n := float64(records)
	b.ReportMetric(n/ours.took.Seconds(), "esm-rec/s")
	b.ReportMetric(n/theirs.took.Seconds(), "bare-rec/s")
	b.ReportMetric(theirs.took.Seconds()/ours.took.Seconds(), "ratio")
	b.ReportMetric(float64(ours.cpu.Microseconds())/n, "esm-cpu-µs/rec")
	b.ReportMetric(ours.cpu.Seconds()/theirs.cpu.Seconds(), "cpu-ratio")
}

// BenchmarkStreamDrain empties 4 shards of 25,000 records through a handler that does nothing: the engine, whose
// progress is on the disk batch by batch, against as many bare loops of GetRecords and Runtime API round trips, which
// keep nothing. The loops ask for 10,000 records, as many as there may be, and the engine for a megabyte, which is what it
// holds of a shard.
func BenchmarkStreamDrain(b *testing.B) {
	endpoint := ownEmbedded(b)
	client := kinesisClient(endpoint)
	arn, shards := newStream(b, client)
	for _, shard := range shards {
		fill(b, client, arn, shard, shardRecords)
	}
	b.ResetTimer()
	compare(b, streamShards*shardRecords,
		func() drain { return drainStream(b, endpoint, arn, streamShards*shardRecords) },
		func() drain { return drainShards(b, client, arn, shards) })
}

// drainStream drains by an engine.
func drainStream(b *testing.B, endpoint, arn string, records int) drain {
	b.Helper()
	var settled atomic.Int64
	all := make(chan bool)
	p := streamEngineOn(b, endpoint, arn, func(e trace.Event) {
		if e, ok := e.(trace.Settled); ok && settled.Add(int64(len(e.Records))) == int64(records) {
			close(all)
		}
	})
	var end func()
	d := measured(b, func() {
		end = startEngine(p)
		<-all
	})
	end()
	return d
}

// drainShards drains by bare loops, one for each shard.
func drainShards(b *testing.B, client *kinesis.Client, arn string, shards []types.Shard) drain {
	b.Helper()
	return drainLoops(b, len(shards), func(i int, h *bareHandler) error {
		it, err := client.GetShardIterator(b.Context(), &kinesis.GetShardIteratorInput{
			StreamARN: &arn, ShardId: shards[i].ShardId, ShardIteratorType: types.ShardIteratorTypeTrimHorizon,
		})
		if err != nil {
			return err
		}
		next := it.ShardIterator
		return drainShard(h, func() ([]types.Record, error) {
			got, err := client.GetRecords(b.Context(), &kinesis.GetRecordsInput{StreamARN: &arn, ShardIterator: next, Limit: aws.Int32(10_000)})
			if err != nil {
				return nil, err
			}
			next = got.NextShardIterator
			return got.Records, nil
		})
	})
}

// drainLoops runs n loops, each with a handler.
func drainLoops(b *testing.B, n int, loop func(i int, h *bareHandler) error) drain {
	b.Helper()
	handlers := make([]*bareHandler, n)
	d := measured(b, func() {
		var loops sync.WaitGroup
		for i := range handlers {
			loops.Go(func() {
				handlers[i] = startBare(b)
				if err := loop(i, handlers[i]); err != nil {
					b.Error(err)
				}
			})
		}
		loops.Wait()
	})
	for _, h := range handlers {
		h.close()
	}
	return d
}

// drainShard invokes h with the records of a shard.
func drainShard[Record any](h *bareHandler, read func() ([]Record, error)) error {
	for done := 0; done < shardRecords; {
		recs, err := read()
		if err != nil {
			return err
		}
		for batch := range slices.Chunk(recs, streamBatch) {
			if err := invokeBare(h, batch); err != nil {
				return err
			}
		}
		done += len(recs)
	}
	return nil
}

func invokeBare(h *bareHandler, records any) error {
	payload, err := json.Marshal(map[string]any{"Records": records})
	if err == nil {
		h.invoke(payload)
	}
	return err
}

// BenchmarkTableDrain is the same for the stream of a DynamoDB table, which here is one shard of 25,000 items of about
// 200 bytes.
func BenchmarkTableDrain(b *testing.B) {
	endpoint := ownEmbedded(b)
	t := newTable(b, endpoint)
	for i := 0; i < shardRecords; i += 25 {
		t.putAll(b, i, i+25)
	}
	b.ResetTimer()
	compare(b, shardRecords,
		func() drain { return drainStream(b, endpoint, t.stream, shardRecords) },
		func() drain { return drainTable(b, t) })
}

// table is a DynamoDB table with a stream.
type table struct {
	client       *dynamodb.Client
	streams      *dynamodbstreams.Client
	name, stream string
}

func newTable(b *testing.B, endpoint string) *table {
	b.Helper()
	cfg := aws.Config{
		Region: "us-east-1", BaseEndpoint: &endpoint, HTTPClient: awshttp.New(awsclient.Connections),
		Credentials: credentials.NewStaticCredentialsProvider("test", "test", ""),
	}
	t := &table{client: dynamodb.NewFromConfig(cfg), streams: dynamodbstreams.NewFromConfig(cfg), name: "bench-" + uuid.NewString()}
	made, err := t.client.CreateTable(b.Context(), &dynamodb.CreateTableInput{
		TableName: &t.name, BillingMode: ddbtypes.BillingModePayPerRequest,
		AttributeDefinitions: []ddbtypes.AttributeDefinition{{AttributeName: aws.String("id"), AttributeType: ddbtypes.ScalarAttributeTypeS}},
		KeySchema:            []ddbtypes.KeySchemaElement{{AttributeName: aws.String("id"), KeyType: ddbtypes.KeyTypeHash}},
		StreamSpecification: &ddbtypes.StreamSpecification{
			StreamEnabled: aws.Bool(true), StreamViewType: ddbtypes.StreamViewTypeNewImage,
		},
	})
	if err != nil {
		b.Fatal(err)
	}
	t.stream = *made.TableDescription.LatestStreamArn
	return t
}

// putAll puts the items of these numbers, at most 25.
func (t *table) putAll(b *testing.B, from, to int) {
	b.Helper()
	var writes []ddbtypes.WriteRequest
	for i := from; i < to; i++ {
		writes = append(writes, ddbtypes.WriteRequest{PutRequest: &ddbtypes.PutRequest{Item: map[string]ddbtypes.AttributeValue{
			"id":   &ddbtypes.AttributeValueMemberS{Value: fmt.Sprint(i)},
			"text": &ddbtypes.AttributeValueMemberS{Value: strings.Repeat("x", 180)},
		}}})
	}
	if _, err := t.client.BatchWriteItem(b.Context(), &dynamodb.BatchWriteItemInput{
		RequestItems: map[string][]ddbtypes.WriteRequest{t.name: writes},
	}); err != nil {
		b.Fatal(err)
	}
}

// drainTable drains the only shard of the table's stream.
func drainTable(b *testing.B, t *table) drain {
	b.Helper()
	return drainLoops(b, 1, func(_ int, h *bareHandler) error {
		described, err := t.streams.DescribeStream(b.Context(), &dynamodbstreams.DescribeStreamInput{StreamArn: &t.stream})
		if err != nil {
			return err
		}
		it, err := t.streams.GetShardIterator(b.Context(), &dynamodbstreams.GetShardIteratorInput{
			StreamArn: &t.stream, ShardId: described.StreamDescription.Shards[0].ShardId,
			ShardIteratorType: streamtypes.ShardIteratorTypeTrimHorizon,
		})
		if err != nil {
			return err
		}
		next := it.ShardIterator
		return drainShard(h, func() ([]streamtypes.Record, error) {
			got, err := t.streams.GetRecords(b.Context(), &dynamodbstreams.GetRecordsInput{ShardIterator: next, Limit: aws.Int32(1000)})
			if err != nil {
				return nil, err
			}
			next = got.NextShardIterator
			return got.Records, nil
		})
	})
}

// tip is a stream that is read to its tip.
type tip struct {
	endpoint, arn string
	id            func(esm.Record) string
	put           func(id string) error
}

// BenchmarkPutToHandler measures the time from putting a record into a stream that is read to its tip until its
// invocation begins, for a record every 200 ms or so. Emulators are polled every 100 ms.
func BenchmarkPutToHandler(b *testing.B) {
	b.Run("Kinesis", func(b *testing.B) { kinesisTip(b).measure(b) })
	b.Run("DynamoDB", func(b *testing.B) { tableTip(b).measure(b) })
}

func kinesisTip(b *testing.B) tip {
	b.Helper()
	endpoint := ownEmbedded(b)
	client := kinesisClient(endpoint)
	arn, shards := newStream(b, client)
	return tip{
		endpoint: endpoint, arn: arn,
		id: func(r esm.Record) string { return r.Group },
		put: func(id string) error {
			_, err := client.PutRecord(b.Context(), &kinesis.PutRecordInput{
				StreamARN: &arn, PartitionKey: &id, Data: []byte("x"),
				ExplicitHashKey: shards[rand.N(len(shards))].HashKeyRange.StartingHashKey,
			})
			return err
		},
	}
}

func tableTip(b *testing.B) tip {
	b.Helper()
	endpoint := ownEmbedded(b)
	t := newTable(b, endpoint)
	return tip{
		endpoint: endpoint, arn: t.stream,
		id: func(r esm.Record) string {
			_, id, _ := strings.Cut(r.Group, `"S":"`)
			id, _, _ = strings.Cut(id, `"`)
			return id
		},
		put: func(id string) error {
			_, err := t.client.PutItem(b.Context(), &dynamodb.PutItemInput{
				TableName: &t.name, Item: map[string]ddbtypes.AttributeValue{"id": &ddbtypes.AttributeValueMemberS{Value: id}},
			})
			return err
		},
	}
}

func (t tip) measure(b *testing.B) {
	const puts = 250
	var sent sync.Map // when, by the record's id
	times := make(chan time.Duration, puts+streamShards)
	p := streamEngineOn(b, t.endpoint, t.arn, func(e trace.Event) {
		if e, ok := e.(trace.Invoking); ok {
			for _, r := range e.Records {
				began, _ := sent.Load(t.id(r))
				times <- time.Since(began.(time.Time))
			}
		}
	})
	defer startEngine(p)()
	put := func(id string) {
		sent.Store(id, time.Now())
		if err := t.put(id); err != nil {
			b.Fatal(err)
		}
	}
	for i := range streamShards { // until environments are up: these are not counted
		put(fmt.Sprint("first-", i))
		<-times
	}
	for b.Loop() {
		for i := range puts {
			put(fmt.Sprint(i))
			time.Sleep(100*time.Millisecond + rand.N(200*time.Millisecond))
		}
		all := make([]time.Duration, puts)
		for i := range all {
			all[i] = <-times
		}
		report(b, "put-to-handler", all)
	}
}
