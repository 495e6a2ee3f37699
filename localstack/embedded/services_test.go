package embedded

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	dynamodbtypes "github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/dynamodbstreams"
	"github.com/aws/aws-sdk-go-v2/service/kinesis"
	kinesistypes "github.com/aws/aws-sdk-go-v2/service/kinesis/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/sns"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
)

// clients are SDK clients of all services, on one endpoint, and what fails the test when one of them is refused.
type clients struct {
	t        *testing.T
	queues   *sqs.Client
	topics   *sns.Client
	buckets  *s3.Client
	streams  *kinesis.Client
	tables   *dynamodb.Client
	captures *dynamodbstreams.Client
}

func clientsAt(t *testing.T, of aws.Config) *clients {
	of.Region, of.RetryMaxAttempts = "us-east-1", 1
	of.Credentials = aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
		return aws.Credentials{AccessKeyID: "test", SecretAccessKey: "test"}, nil
	})
	return &clients{
		t: t, queues: sqs.NewFromConfig(of), topics: sns.NewFromConfig(of),
		buckets: s3.NewFromConfig(of, func(o *s3.Options) { o.UsePathStyle = true }),
		streams: kinesis.NewFromConfig(of), tables: dynamodb.NewFromConfig(of), captures: dynamodbstreams.NewFromConfig(of),
	}
}

func (c *clients) must(err error) {
	c.t.Helper()
	if err != nil {
		c.t.Fatal(err)
	}
}

// One server answers for all services, over a socket and without one.
func TestAllServicesAnswerOnOnePort(t *testing.T) {
	t.Run("socket", func(t *testing.T) {
		a, _, _ := served(t)
		everything(clientsAt(t, aws.Config{BaseEndpoint: a.Options().BaseEndpoint}))
	})
	t.Run("client", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			everything(clientsAt(t, aws.Config{BaseEndpoint: aws.String("http://embedded"), HTTPClient: new(Server).Client()}))
		})
	})
}

func everything(c *clients) {
	ctx, name := c.t.Context(), aws.String("orders")
	_, err := c.queues.CreateQueue(ctx, &sqs.CreateQueueInput{QueueName: name})
	c.must(err)
	_, err = c.topics.CreateTopic(ctx, &sns.CreateTopicInput{Name: name})
	c.must(err)
	_, err = c.buckets.CreateBucket(ctx, &s3.CreateBucketInput{Bucket: name})
	c.must(err)
	_, err = c.streams.CreateStream(ctx, &kinesis.CreateStreamInput{StreamName: name, ShardCount: aws.Int32(1)})
	c.must(err)
	_, err = c.tables.CreateTable(ctx, &dynamodb.CreateTableInput{
		TableName: name, BillingMode: dynamodbtypes.BillingModePayPerRequest,
		AttributeDefinitions: []dynamodbtypes.AttributeDefinition{{AttributeName: aws.String("id"), AttributeType: "S"}},
		KeySchema:            []dynamodbtypes.KeySchemaElement{{AttributeName: aws.String("id"), KeyType: "HASH"}},
		StreamSpecification:  &dynamodbtypes.StreamSpecification{StreamEnabled: aws.Bool(true), StreamViewType: "NEW_IMAGE"},
	})
	c.must(err)

	queues, err := c.queues.ListQueues(ctx, &sqs.ListQueuesInput{})
	c.must(err)
	topics, err := c.topics.ListTopics(ctx, &sns.ListTopicsInput{})
	c.must(err)
	buckets, err := c.buckets.ListBuckets(ctx, &s3.ListBucketsInput{})
	c.must(err)
	streams, err := c.streams.ListStreams(ctx, &kinesis.ListStreamsInput{})
	c.must(err)
	tables, err := c.tables.ListTables(ctx, &dynamodb.ListTablesInput{})
	c.must(err)
	captures, err := c.captures.ListStreams(ctx, &dynamodbstreams.ListStreamsInput{})
	c.must(err)
	for service, n := range map[string]int{
		"SQS": len(queues.QueueUrls), "SNS": len(topics.Topics), "S3": len(buckets.Buckets), "Kinesis": len(streams.StreamNames),
		"DynamoDB": len(tables.TableNames), "DynamoDB Streams": len(captures.Streams),
	} {
		if n != 1 {
			c.t.Errorf("%s: got %d of what was made, want 1", service, n)
		}
	}
}

// The Region and the account of the server are those of its services.
func TestRegionAndAccountAreEverywhere(t *testing.T) {
	s := &Server{Region: "eu-west-1", AccountID: "111122223333"}
	c := clientsAt(t, aws.Config{BaseEndpoint: aws.String("http://embedded"), HTTPClient: s.Client()})
	everything(c)
	ctx, name := t.Context(), aws.String("orders")
	topic, err := c.topics.CreateTopic(ctx, &sns.CreateTopicInput{Name: name})
	c.must(err)
	bucket, err := c.buckets.HeadBucket(ctx, &s3.HeadBucketInput{Bucket: name})
	c.must(err)
	stream, err := c.streams.DescribeStreamSummary(ctx, &kinesis.DescribeStreamSummaryInput{StreamName: name})
	c.must(err)
	table, err := c.tables.DescribeTable(ctx, &dynamodb.DescribeTableInput{TableName: name})
	c.must(err)
	for got, want := range map[string]string{
		*topic.TopicArn:                            "arn:aws:sns:eu-west-1:111122223333:orders",
		*bucket.BucketRegion:                       "eu-west-1",
		*table.Table.TableArn:                      "arn:aws:dynamodb:eu-west-1:111122223333:table/orders",
		*stream.StreamDescriptionSummary.StreamARN: "arn:aws:kinesis:eu-west-1:111122223333:stream/orders",
	} {
		if got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}

func TestTopicsDeliverToQueues(t *testing.T) {
	s := new(Server)
	c := clientsAt(t, aws.Config{BaseEndpoint: aws.String("http://embedded"), HTTPClient: s.Client()})
	ctx := t.Context()
	topic, err := c.topics.CreateTopic(ctx, &sns.CreateTopicInput{Name: aws.String("orders")})
	c.must(err)
	join := func(queue, raw string) {
		_, err := c.topics.Subscribe(ctx, &sns.SubscribeInput{
			TopicArn: topic.TopicArn, Protocol: aws.String("sqs"), Endpoint: aws.String("arn:aws:sqs:us-east-1:000000000000:" + queue),
			Attributes: map[string]string{"RawMessageDelivery": raw},
		})
		c.must(err)
	}
	a := &account{Client: c.queues, t: t}
	plain, wrapped := a.create("plain"), a.create("wrapped")
	join("missing", "true") // keeps nobody else from getting it
	join("plain", "true")
	join("wrapped", "false")
	_, err = c.topics.Publish(ctx, &sns.PublishInput{TopicArn: topic.TopicArn, Message: aws.String("latte")})
	c.must(err)
	a.wantBodies("raw", a.receive(plain, 10, 0), "latte")
	got := a.receive(wrapped, 10, 0)
	var envelope struct{ Type, Message, TopicArn string }
	if len(got) != 1 || json.Unmarshal([]byte(*got[0].Body), &envelope) != nil || envelope.Message != "latte" ||
		envelope.Type != "Notification" || envelope.TopicArn != *topic.TopicArn {
		t.Errorf("got %q", bodies(got))
	}
}

// subscribe makes a stream with a consumer and subscribes to its only shard.
func (c *clients) subscribe(ctx context.Context) *kinesis.SubscribeToShardEventStream {
	c.t.Helper()
	name := aws.String("orders")
	_, err := c.streams.CreateStream(ctx, &kinesis.CreateStreamInput{StreamName: name, ShardCount: aws.Int32(1)})
	c.must(err)
	consumer, err := c.streams.RegisterStreamConsumer(ctx, &kinesis.RegisterStreamConsumerInput{
		StreamARN: aws.String("arn:aws:kinesis:us-east-1:000000000000:stream/orders"), ConsumerName: aws.String("esm"),
	})
	c.must(err)
	out, err := c.streams.SubscribeToShard(ctx, &kinesis.SubscribeToShardInput{
		ConsumerARN: consumer.Consumer.ConsumerARN, ShardId: aws.String("shardId-000000000000"),
		StartingPosition: &kinesistypes.StartingPosition{Type: kinesistypes.ShardIteratorTypeTrimHorizon},
	})
	c.must(err)
	_, err = c.streams.PutRecord(ctx, &kinesis.PutRecordInput{StreamName: name, PartitionKey: name, Data: []byte("latte")})
	c.must(err)
	return out.GetStream()
}

// awaitRecord reads up to the first event with a record.
func (c *clients) awaitRecord(events *kinesis.SubscribeToShardEventStream) {
	c.t.Helper()
	for event := range events.Events() {
		e, ok := event.(*kinesistypes.SubscribeToShardEventStreamMemberSubscribeToShardEvent)
		if ok && len(e.Value.Records) > 0 {
			return
		}
	}
	c.t.Fatalf("the subscription ended without the record: %v", events.Err())
}

func TestSubscribingWithoutASocket(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := clientsAt(t, aws.Config{BaseEndpoint: aws.String("http://embedded"), HTTPClient: new(Server).Client()})
		events := c.subscribe(t.Context())
		c.awaitRecord(events)
		c.must(events.Close()) // the bubble ends only when every goroutine has
	})
}

func TestASubscriptionEndsInTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := clientsAt(t, aws.Config{BaseEndpoint: aws.String("http://embedded"), HTTPClient: new(Server).Client()})
		begun := time.Now()
		events := c.subscribe(t.Context())
		for range events.Events() {
		}
		if got, want := time.Since(begun), 5*time.Minute; events.Err() != nil || got != want {
			t.Errorf("it ended after %v with %v, want %v", got, events.Err(), want)
		}
		c.must(events.Close())
	})
}

func TestARefusedSubscriptionIsRefusedWithoutASocket(t *testing.T) {
	c := clientsAt(t, aws.Config{BaseEndpoint: aws.String("http://embedded"), HTTPClient: new(Server).Client()})
	_, err := c.streams.SubscribeToShard(t.Context(), &kinesis.SubscribeToShardInput{
		ConsumerARN: aws.String("arn:aws:kinesis:us-east-1:000000000000:stream/none/consumer/esm:1"), ShardId: aws.String("shardId-000000000000"),
		StartingPosition: &kinesistypes.StartingPosition{Type: kinesistypes.ShardIteratorTypeLatest},
	})
	if _, ok := errors.AsType[*kinesistypes.ResourceNotFoundException](err); !ok {
		t.Errorf("got %v", err)
	}
}

// A subscription does not hold Serve up.
func TestServeEndsSubscriptions(t *testing.T) {
	a, _, stop := served(t)
	c := clientsAt(t, aws.Config{BaseEndpoint: a.Options().BaseEndpoint})
	events := c.subscribe(context.Background())
	c.awaitRecord(events)
	begun := time.Now()
	c.must(stop())
	for range events.Events() {
	}
	if took := time.Since(begun); took > 10*time.Second {
		t.Errorf("it took %v", took)
	}
	events.Close()
}

func TestDispatch(t *testing.T) {
	signed := func(service string) string {
		return "AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/" + service + "/aws4_request, SignedHeaders=host, Signature=0"
	}
	form := "application/x-www-form-urlencoded"
	tests := []struct{ name, method, path, authorization, contentType, body, want string }{
		{"a signed form of SNS", "POST", "/", signed("sns"), form, "Action=ListTopics", "<ListTopicsResult>"},
		{"an unsigned form of SNS", "POST", "/", "", form, "Action=ListTopics&Version=2010-03-31", "<ListTopicsResult>"},
		{"SNS in the URL", "GET", "/?Action=ListTopics", "", "", "", "<ListTopicsResult>"},
		{"a form that both have", "POST", "/", signed("sqs"), form, "Action=TagResource", "embedded SQS"},
		{"a form of SQS", "POST", "/", signed("sqs"), form, "Action=ListQueues", "embedded SQS"},
		{"an unsigned form of SQS", "POST", "/000000000000/q", "", form, "Action=SendMessage", "embedded SQS"},
		{"a form of another service", "POST", "/", signed("sts"), form, "Action=GetCallerIdentity", "does not have the service sts"},
		{"Kinesis without a target", "POST", "/", signed("kinesis"), "application/cbor", "", "AWS JSON protocol for kinesis only"},
		{"buckets", "GET", "/", signed("s3"), "", "", "<ListAllMyBucketsResult"},
		{"a bucket", "GET", "/none?list-type=2", "", "", "", "<Code>NoSuchBucket</Code>"},
		{"a presigned object", "GET", "/none/k?X-Amz-Credential=test%2F20260101%2Fus-east-1%2Fs3%2Faws4_request&X-Amz-Signature=0", "", "", "", "<Code>NoSuchBucket</Code>"},
		{"an object that is a form", "PUT", "/none/k", signed("s3"), form, "Action=ListTopics", "<Code>NoSuchBucket</Code>"},
		{"a person", "GET", "/", "", "", "", "stand-in for AWS"},
	}
	for _, test := range tests {
		r := httptest.NewRequest(test.method, test.path, strings.NewReader(test.body))
		r.Header.Set("Authorization", test.authorization)
		r.Header.Set("Content-Type", test.contentType)
		w := httptest.NewRecorder()
		new(Server).ServeHTTP(w, r)
		if got := w.Body.String(); !strings.Contains(got, test.want) {
			t.Errorf("%s: got %q, want %q in it", test.name, got, test.want)
		}
	}
}

// A request without a method is a GET, as with any client.
func TestClientOfNoMethod(t *testing.T) {
	r, err := http.NewRequest("", "http://embedded/", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Method = ""
	resp, err := new(Server).Client().Do(r)
	if err != nil {
		t.Fatal(err)
	}
	if body, err := io.ReadAll(resp.Body); err != nil || !strings.Contains(string(body), "stand-in") {
		t.Errorf("got %s, %v", body, err)
	}
}
