package kinesis

import (
	"context"
	"crypto/rand"
	"errors"
	"io"
	"math/big"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/kinesis"
	"github.com/aws/aws-sdk-go-v2/service/kinesis/types"

	"github.com/esm-run/esm"
	"github.com/esm-run/esm/awshttp"
	"github.com/esm-run/esm/sources/internal/awstest"
	"github.com/esm-run/esm/sources/sourcetest"
)

// The tests of this file run on a real service when there is one: ESM_TEST_KINESIS_ENDPOINT=http://127.0.0.1:4566 for
// LocalStack, http://127.0.0.1:4568 or so for kinesis-mock; AWS_REGION where it is not us-east-1. Their credentials are
// test and test, the account is 000000000000. Streams are made and deleted.
func realClient(t *testing.T) *sdk.Client {
	t.Helper()
	return sdk.NewFromConfig(awstest.RealConfig(t, "ESM_TEST_KINESIS_ENDPOINT", awshttp.New(16)))
}

// real is a stream on a real service for the time of a test.
type real struct {
	*testing.T
	client *sdk.Client
	name   string
}

func makeReal(t *testing.T) *real {
	t.Helper()
	r := &real{T: t, client: realClient(t), name: "esm-test-" + strings.ToLower(rand.Text()[:10])}
	r.make()
	t.Cleanup(func() { _ = r.drop() }) // a test may have deleted it
	return r
}

func (r *real) make() {
	r.Helper()
	in := &sdk.CreateStreamInput{StreamName: &r.name, ShardCount: aws.Int32(1)}
	if _, err := r.client.CreateStream(context.Background(), in); err != nil {
		r.Fatalf("create %s: %v", r.name, err)
	}
	r.settled()
}

// settled waits until the stream is active.
func (r *real) settled() {
	r.Helper()
	wait := sdk.NewStreamExistsWaiter(r.client, func(o *sdk.StreamExistsWaiterOptions) {
		o.MinDelay, o.MaxDelay = 20*time.Millisecond, time.Second
	})
	if err := wait.Wait(context.Background(), &sdk.DescribeStreamInput{StreamName: &r.name}, time.Minute); err != nil {
		r.Fatalf("wait for %s: %v", r.name, err)
	}
}

func (r *real) drop() error {
	ctx := context.Background()
	in := &sdk.DeleteStreamInput{StreamName: &r.name, EnforceConsumerDeletion: aws.Bool(true)}
	if _, err := r.client.DeleteStream(ctx, in); err != nil {
		return err
	}
	wait := sdk.NewStreamNotExistsWaiter(r.client, func(o *sdk.StreamNotExistsWaiterOptions) {
		o.MinDelay, o.MaxDelay = 20*time.Millisecond, time.Second
	})
	return wait.Wait(ctx, &sdk.DescribeStreamInput{StreamName: &r.name}, time.Minute)
}

func (r *real) delete() {
	r.Helper()
	if err := r.drop(); err != nil {
		r.Fatalf("delete %s: %v", r.name, err)
	}
}

// again recreates the stream. Some emulators give its creation time only to the second.
func (r *real) again() {
	r.Helper()
	r.delete()
	time.Sleep(1100 * time.Millisecond)
	r.make()
}

func (r *real) arn() string {
	return "arn:aws:kinesis:" + r.client.Options().Region + ":000000000000:stream/" + r.name
}

func (r *real) stream() *Stream {
	r.Helper()
	s, err := New(Config{Client: r.client, ARN: awstest.ARN(r.arn()), Role: "arn:aws:iam::000000000000:role/x", Filtered: true})
	if err != nil {
		r.Fatal(err)
	}
	return s
}

func (r *real) put(key, data string) {
	r.Helper()
	in := &sdk.PutRecordInput{StreamName: &r.name, PartitionKey: &key, Data: []byte(data)}
	if _, err := r.client.PutRecord(context.Background(), in); err != nil {
		r.Fatalf("put: %v", err)
	}
}

func (r *real) shard(id string) types.Shard {
	r.Helper()
	out, err := r.client.ListShards(context.Background(), &sdk.ListShardsInput{StreamName: &r.name})
	if err != nil {
		r.Fatal(err)
	}
	for _, s := range out.Shards {
		if *s.ShardId == id {
			return s
		}
	}
	r.Fatalf("no shard %s", id)
	return types.Shard{}
}

func (r *real) split(id string) {
	r.Helper()
	hashes := r.shard(id).HashKeyRange
	low, _ := new(big.Int).SetString(*hashes.StartingHashKey, 10)
	high, _ := new(big.Int).SetString(*hashes.EndingHashKey, 10)
	middle := low.Add(low, high)
	middle.Rsh(middle, 1)
	in := &sdk.SplitShardInput{StreamName: &r.name, ShardToSplit: &id, NewStartingHashKey: aws.String(middle.String())}
	if _, err := r.client.SplitShard(context.Background(), in); err != nil {
		r.Fatalf("split: %v", err)
	}
	r.settled()
}

func (r *real) merge(a, b string) {
	r.Helper()
	in := &sdk.MergeShardsInput{StreamName: &r.name, ShardToMerge: &a, AdjacentShardToMerge: &b}
	if _, err := r.client.MergeShards(context.Background(), in); err != nil {
		r.Fatalf("merge: %v", err)
	}
	r.settled()
}

func TestSuiteOnService(t *testing.T) {
	realClient(t)
	sourcetest.RunStream(t, sourcetest.RealTime, func(t *testing.T) sourcetest.StreamFixture {
		r := makeReal(t)
		return sourcetest.StreamFixture{
			Stream:   r.stream(),
			Put:      r.put,
			Reshard:  r.split,
			Merge:    r.merge,
			Delete:   r.delete,
			Recreate: r.again,
			Slack:    500 * time.Millisecond,
		}
	})
}

func TestSuiteByFanOutOnService(t *testing.T) {
	needsFanOut(t)
	sourcetest.RunStream(t, sourcetest.RealTime, func(t *testing.T) sourcetest.StreamFixture {
		r := makeReal(t)
		s, err := New(Config{Client: r.client, ARN: awstest.ARN(r.consumer()), Role: "arn:aws:iam::000000000000:role/x"})
		if err != nil {
			t.Fatal(err)
		}
		return sourcetest.StreamFixture{
			Stream: s, Put: r.put, Reshard: r.split, Merge: r.merge, Delete: r.delete, Recreate: r.again,
			Slack: 500 * time.Millisecond,
		}
	})
}

// The streams that kinesis-mock pushes cannot be read through the SDK: they lack the first event.
func needsFanOut(t *testing.T) {
	t.Helper()
	if os.Getenv("ESM_TEST_KINESIS_FANOUT") == "" {
		t.Skip("ESM_TEST_KINESIS_FANOUT is not set: the endpoint may not have it")
	}
}

// consumer registers a consumer, and waits until it can be used.
func (r *real) consumer() string {
	r.Helper()
	out, err := r.client.RegisterStreamConsumer(context.Background(), &sdk.RegisterStreamConsumerInput{
		StreamARN: aws.String(r.arn()), ConsumerName: aws.String("esm-test"),
	})
	if err != nil {
		r.Fatalf("register: %v", err)
	}
	in := &sdk.DescribeStreamConsumerInput{ConsumerARN: out.Consumer.ConsumerARN}
	for start := time.Now(); time.Since(start) < time.Minute; time.Sleep(100 * time.Millisecond) {
		d, err := r.client.DescribeStreamConsumer(context.Background(), in)
		if err == nil && d.ConsumerDescription.ConsumerStatus == types.ConsumerStatusActive {
			return *out.Consumer.ConsumerARN
		}
	}
	r.Fatal("the consumer does not become active")
	return ""
}

func TestFanOutOnService(t *testing.T) {
	needsFanOut(t)
	r := makeReal(t)
	s, err := New(Config{Client: r.client, ARN: awstest.ARN(r.consumer()), Role: "arn:aws:iam::000000000000:role/x"})
	if err != nil {
		t.Fatal(err)
	}
	opened, err := s.Open(t.Context(), firstShard, esm.From{})
	if err != nil {
		t.Fatal(err)
	}
	defer opened.Close()
	r.put("a", "one")
	r.put("b", string(seal(pack(packed{"c", "", "two"}, packed{"d", "", "three"}))))
	r.split(firstShard)
	var got []string
	for start := time.Now(); err == nil && time.Since(start) < 40*time.Second; {
		var recs []esm.Record
		recs, err = opened.Read(t.Context(), 10)
		for _, rec := range recs {
			got = append(got, string(decode(t, rec.Event).Kinesis.Data))
		}
	}
	if !errors.Is(err, io.EOF) || !slices.Equal(got, []string{"one", "two", "three"}) {
		t.Errorf("read %q, then %v", got, err)
	}
}

func TestForgottenIteratorOnService(t *testing.T) {
	r := makeReal(t)
	r.put("k", "a")
	reader := r.stream().reader(firstShard, start{}, time.Time{})
	reader.Shard = &awstest.Forgotten[types.Record]{Shard: reader.Shard}
	awstest.ReadSoon(t, reader)
}
