package kinesis

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/kinesis"
	"github.com/aws/aws-sdk-go-v2/service/kinesis/schemas"
	"github.com/aws/aws-sdk-go-v2/service/kinesis/types"
	"github.com/aws/smithy-go"
	"github.com/aws/smithy-go/transport/http/protocol/awsjson"

	"github.com/esm-run/esm/awshttp"
)

// An account is an SDK client with the few calls that tests make, failing the test when Kinesis refuses.
type account struct {
	*sdk.Client
	t    testing.TB
	name string // of the stream that tests use
}

func clientOf(http aws.HTTPClient, endpoint string) *sdk.Client {
	return sdk.New(sdk.Options{
		Region:           "us-east-1",
		BaseEndpoint:     aws.String(endpoint),
		HTTPClient:       http,
		RetryMaxAttempts: 1,
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: "test", SecretAccessKey: "test"}, nil
		}),
	})
}

// onSocket is an account of a server on a socket, with a stream of so many shards.
func onSocket(t testing.TB, s *Server, shards int32) *account {
	t.Helper()
	served := httptest.NewServer(s)
	t.Cleanup(served.Close)
	a := &account{Client: clientOf(awshttp.New(16), served.URL), t: t, name: "orders"}
	a.create(a.name, shards)
	return a
}

// inBubble runs a test with a server of its own, virtual time and a stream of so many shards.
func inBubble(t *testing.T, s *Server, shards int32, test func(t *testing.T, a *account)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		straight := &straight{handler: s}
		defer straight.running.Wait()
		a := &account{Client: clientOf(&http.Client{Transport: straight}, "http://embedded"), t: t, name: "orders"}
		a.create(a.name, shards)
		test(t, a)
	})
}

func (a *account) create(name string, shards int32) {
	a.t.Helper()
	_, err := a.CreateStream(a.t.Context(), &sdk.CreateStreamInput{StreamName: &name, ShardCount: &shards})
	if err != nil {
		a.t.Fatalf("create %s: %v", name, err)
	}
}

func (a *account) arn() *string {
	return aws.String("arn:aws:kinesis:us-east-1:000000000000:stream/" + a.name)
}

func (a *account) put(key, data string) *sdk.PutRecordOutput {
	a.t.Helper()
	out, err := a.PutRecord(a.t.Context(), &sdk.PutRecordInput{StreamName: &a.name, PartitionKey: &key, Data: []byte(data)})
	if err != nil {
		a.t.Fatalf("put %s: %v", data, err)
	}
	return out
}

// puts puts n records, called 0 and on, under one key.
func (a *account) puts(n int) (numbers []string) {
	a.t.Helper()
	for i := range n {
		numbers = append(numbers, *a.put("key", strconv.Itoa(i)).SequenceNumber)
	}
	return numbers
}

func (a *account) iterator(shard int, in sdk.GetShardIteratorInput) *string {
	a.t.Helper()
	it, err := a.tryIterator(shard, in)
	if err != nil {
		a.t.Fatalf("iterator: %v", err)
	}
	return it
}

func (a *account) tryIterator(shard int, in sdk.GetShardIteratorInput) (*string, error) {
	in.StreamName, in.ShardId = &a.name, aws.String(shardID(shard))
	if in.ShardIteratorType == "" {
		in.ShardIteratorType = types.ShardIteratorTypeTrimHorizon
	}
	out, err := a.GetShardIterator(a.t.Context(), &in)
	if err != nil {
		return nil, err
	}
	return out.ShardIterator, nil
}

func (a *account) read(iterator *string, limit int32) *sdk.GetRecordsOutput {
	a.t.Helper()
	out, err := a.GetRecords(a.t.Context(), &sdk.GetRecordsInput{ShardIterator: iterator, Limit: &limit})
	if err != nil {
		a.t.Fatalf("read: %v", err)
	}
	return out
}

// all is the data of a shard.
func (a *account) all(shard int) string {
	a.t.Helper()
	return dataOf(a.read(a.iterator(shard, sdk.GetShardIteratorInput{}), 10_000).Records)
}

func dataOf(recs []types.Record) string {
	var data []string
	for _, r := range recs {
		data = append(data, string(r.Data))
	}
	return strings.Join(data, " ")
}

func (a *account) shards(f *types.ShardFilter) []types.Shard {
	a.t.Helper()
	out, err := a.ListShards(a.t.Context(), &sdk.ListShardsInput{StreamName: &a.name, ShardFilter: f})
	if err != nil {
		a.t.Fatalf("list: %v", err)
	}
	return out.Shards
}

// listed are the numbers of the shards that a filter picks.
func (a *account) listed(f *types.ShardFilter) string {
	a.t.Helper()
	var ids []string
	for _, s := range a.shards(f) {
		index, ok := parseShardID(*s.ShardId)
		if !ok {
			a.t.Errorf("shard id %s", *s.ShardId)
		}
		ids = append(ids, strconv.Itoa(index))
	}
	return strings.Join(ids, " ")
}

// half is the middle of all hash keys.
const half = "170141183460469231731687303715884105728"

func (a *account) split(shard int, at string) {
	a.t.Helper()
	_, err := a.SplitShard(a.t.Context(), &sdk.SplitShardInput{
		StreamName: &a.name, ShardToSplit: aws.String(shardID(shard)), NewStartingHashKey: &at,
	})
	if err != nil {
		a.t.Fatalf("split %d: %v", shard, err)
	}
}

func (a *account) merge(x, y int) {
	a.t.Helper()
	_, err := a.MergeShards(a.t.Context(), &sdk.MergeShardsInput{
		StreamName: &a.name, ShardToMerge: aws.String(shardID(x)), AdjacentShardToMerge: aws.String(shardID(y)),
	})
	if err != nil {
		a.t.Fatalf("merge %d and %d: %v", x, y, err)
	}
}

func (a *account) consumer(name string) *string {
	a.t.Helper()
	out, err := a.RegisterStreamConsumer(a.t.Context(), &sdk.RegisterStreamConsumerInput{StreamARN: a.arn(), ConsumerName: &name})
	if err != nil {
		a.t.Fatalf("register %s: %v", name, err)
	}
	return out.Consumer.ConsumerARN
}

func (a *account) listen(consumer *string, shard int, at types.StartingPosition) (*sdk.SubscribeToShardEventStream, error) {
	if at.Type == "" {
		at.Type = types.ShardIteratorTypeTrimHorizon
	}
	out, err := a.SubscribeToShard(a.t.Context(), &sdk.SubscribeToShardInput{
		ConsumerARN: consumer, ShardId: aws.String(shardID(shard)), StartingPosition: &at,
	}, func(o *sdk.Options) { o.Protocol = awsjson.New11(schemas.Kinesis_20131202) }) // the client's own is not for several at once
	if err != nil {
		return nil, err
	}
	return out.GetStream(), nil
}

// refused checks an error's code, and that its message has a text.
func refused(t testing.TB, what string, err error, code, text string) {
	t.Helper()
	e, ok := errors.AsType[smithy.APIError](err)
	if !ok || e.ErrorCode() != code || !strings.Contains(e.ErrorMessage(), text) {
		t.Errorf("%s: got %v, want %s with %q", what, err, code, text)
	}
}

// straight takes requests to a handler without a socket. Each is served by a goroutine of its own, as an answer may take as
// long as somebody reads it.
type straight struct {
	handler http.Handler
	running sync.WaitGroup
}

func (s *straight) RoundTrip(r *http.Request) (*http.Response, error) {
	ctx, cancel := context.WithCancel(r.Context())
	in, out := io.Pipe()
	a := &answer{header: http.Header{}, out: out, begun: make(chan struct{})}
	s.running.Go(func() {
		defer out.Close()
		defer a.WriteHeader(http.StatusOK)
		s.handler.ServeHTTP(a, r.Clone(ctx))
	})
	body := &body{ctx, in, cancel}
	select {
	case <-a.begun:
	case <-ctx.Done():
		body.Close()
		return nil, context.Cause(ctx)
	}
	context.AfterFunc(ctx, func() { in.Close() })
	return &http.Response{StatusCode: a.status, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Header: a.sent, Body: body, ContentLength: -1, Request: r}, nil
}

// A body ends its request when it is closed.
type body struct {
	ctx context.Context
	*io.PipeReader
	cancel context.CancelFunc
}

func (b *body) Read(p []byte) (int, error) {
	n, err := b.PipeReader.Read(p)
	if err != nil && err != io.EOF && b.ctx.Err() != nil {
		return n, b.ctx.Err()
	}
	return n, err
}

func (b *body) Close() error {
	b.cancel()
	return b.PipeReader.Close()
}

type answer struct {
	header, sent http.Header
	status       int
	out          *io.PipeWriter
	begun        chan struct{} // closed with the first byte
}

func (a *answer) Header() http.Header { return a.header }

func (a *answer) WriteHeader(status int) {
	if a.status == 0 {
		a.status, a.sent = status, a.header.Clone()
		close(a.begun)
	}
}

func (a *answer) Write(b []byte) (int, error) {
	a.WriteHeader(http.StatusOK)
	return a.out.Write(b)
}

func (a *answer) FlushError() error { return nil }

func wantNear(t testing.TB, what string, got, want time.Duration) {
	t.Helper()
	if got != want {
		t.Errorf("%s: got %v, want %v", what, got, want)
	}
}

func sleep(seconds float64) { time.Sleep(time.Duration(seconds * float64(time.Second))) }

// times lets a second pass, and returns a time within it.
func (a *account) times() time.Time {
	time.Sleep(time.Second / 2)
	defer time.Sleep(time.Second / 2)
	return time.Now()
}
