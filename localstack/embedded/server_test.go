package embedded

import (
	"context"
	"encoding/json"
	"errors"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	dynamodbtypes "github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/dynamodbstreams"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	"github.com/aws/aws-sdk-go-v2/service/kinesis"
	kinesistypes "github.com/aws/aws-sdk-go-v2/service/kinesis/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/sns"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	sqstypes "github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/esm-run/esm/localstack/embedded/inprocess"
)

// serve starts a server on a socket and returns its URL. Stop ends it and returns Serve's error.
func serve(t *testing.T) (url string, stop func() error) {
	t.Helper()
	return serveThis(t, new(Server))
}

func serveThis(t *testing.T, s *Server) (url string, stop func() error) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { err = s.Serve(ctx, l) })
	stop = sync.OnceValue(func() error {
		cancel()
		running.Wait()
		return err
	})
	t.Cleanup(func() { stop() })
	return "http://" + l.Addr().String(), stop
}

// clients are SDK clients of all services at one endpoint.
type clients struct {
	t               *testing.T
	sqs             *sqs.Client
	sns             *sns.Client
	s3              *s3.Client
	kinesis         *kinesis.Client
	events          *eventbridge.Client
	dynamodb        *dynamodb.Client
	dynamodbstreams *dynamodbstreams.Client
}

func newClients(t *testing.T, config aws.Config) *clients {
	return &clients{
		t: t, sqs: sqs.NewFromConfig(config), sns: sns.NewFromConfig(config),
		s3:     s3.NewFromConfig(config, func(o *s3.Options) { o.UsePathStyle = true }),
		events: eventbridge.NewFromConfig(config), kinesis: kinesis.NewFromConfig(config), dynamodb: dynamodb.NewFromConfig(config), dynamodbstreams: dynamodbstreams.NewFromConfig(config),
	}
}

func at(url string) aws.Config {
	config := inprocess.Config(nil)
	config.BaseEndpoint, config.HTTPClient = &url, nil
	return config
}

func (c *clients) must(err error) {
	c.t.Helper()
	if err != nil {
		c.t.Fatal(err)
	}
}

var name = aws.String("orders")

// create creates one resource of every service, and returns their ARNs.
func (c *clients) create() (arns []string) {
	ctx := c.t.Context()
	queue, err := c.sqs.CreateQueue(ctx, &sqs.CreateQueueInput{QueueName: name})
	c.must(err)
	attributes, err := c.sqs.GetQueueAttributes(ctx, &sqs.GetQueueAttributesInput{QueueUrl: queue.QueueUrl, AttributeNames: []sqstypes.QueueAttributeName{"QueueArn"}})
	c.must(err)
	topic, err := c.sns.CreateTopic(ctx, &sns.CreateTopicInput{Name: name})
	c.must(err)
	_, err = c.s3.CreateBucket(ctx, &s3.CreateBucketInput{Bucket: name})
	c.must(err)
	_, err = c.kinesis.CreateStream(ctx, &kinesis.CreateStreamInput{StreamName: name, ShardCount: aws.Int32(1)})
	c.must(err)
	stream, err := c.kinesis.DescribeStreamSummary(ctx, &kinesis.DescribeStreamSummaryInput{StreamName: name})
	c.must(err)
	_, err = c.dynamodb.CreateTable(ctx, &dynamodb.CreateTableInput{
		TableName: name, BillingMode: dynamodbtypes.BillingModePayPerRequest,
		AttributeDefinitions: []dynamodbtypes.AttributeDefinition{{AttributeName: aws.String("id"), AttributeType: "S"}},
		KeySchema:            []dynamodbtypes.KeySchemaElement{{AttributeName: aws.String("id"), KeyType: "HASH"}},
		StreamSpecification:  &dynamodbtypes.StreamSpecification{StreamEnabled: aws.Bool(true), StreamViewType: "NEW_IMAGE"},
	})
	c.must(err)
	bus, err := c.events.CreateEventBus(ctx, &eventbridge.CreateEventBusInput{Name: name})
	c.must(err)
	captured, err := c.dynamodbstreams.ListStreams(ctx, &dynamodbstreams.ListStreamsInput{})
	c.must(err)
	return []string{attributes.Attributes["QueueArn"], *topic.TopicArn, *stream.StreamDescriptionSummary.StreamARN, *captured.Streams[0].StreamArn, *bus.EventBusArn}
}

// All services are on one port, over a socket and without one, and in the server's Region and account.
func TestAllServices(t *testing.T) {
	url, _ := serve(t)
	newClients(t, at(url)).create()
	synctest.Test(t, func(t *testing.T) {
		s := &Server{Region: "eu-west-1", AccountID: "111122223333"}
		got := newClients(t, inprocess.Config(s)).create()
		for i, want := range []string{
			"arn:aws:sqs:eu-west-1:111122223333:orders", "arn:aws:sns:eu-west-1:111122223333:orders",
			"arn:aws:kinesis:eu-west-1:111122223333:stream/orders", "arn:aws:dynamodb:eu-west-1:111122223333:table/orders/stream/",
			"arn:aws:events:eu-west-1:111122223333:event-bus/orders",
		} {
			if !strings.HasPrefix(got[i], want) {
				t.Errorf("got %s, want %s", got[i], want)
			}
		}
	})
}

func TestTopicsDeliverToQueues(t *testing.T) {
	c := newClients(t, inprocess.Config(new(Server)))
	ctx := t.Context()
	topic, err := c.sns.CreateTopic(ctx, &sns.CreateTopicInput{Name: name})
	c.must(err)
	subscribe := func(queue, raw string) {
		_, err := c.sns.Subscribe(ctx, &sns.SubscribeInput{
			TopicArn: topic.TopicArn, Protocol: aws.String("sqs"), Endpoint: aws.String("arn:aws:sqs:us-east-1:000000000000:" + queue),
			Attributes: map[string]string{"RawMessageDelivery": raw},
		})
		c.must(err)
	}
	subscribe("missing", "true") // does not affect the others
	bodies := make(map[string]string)
	for queue, raw := range map[string]string{"plain": "true", "wrapped": "false"} {
		_, err := c.sqs.CreateQueue(ctx, &sqs.CreateQueueInput{QueueName: &queue})
		c.must(err)
		subscribe(queue, raw)
	}
	_, err = c.sns.Publish(ctx, &sns.PublishInput{TopicArn: topic.TopicArn, Message: aws.String("latte")})
	c.must(err)
	for _, queue := range []string{"plain", "wrapped"} {
		out, err := c.sqs.ReceiveMessage(ctx, &sqs.ReceiveMessageInput{QueueUrl: aws.String("http://embedded/000000000000/" + queue)})
		c.must(err)
		for _, m := range out.Messages {
			bodies[queue] = *m.Body
		}
	}
	var envelope struct{ Type, Message, TopicArn string }
	if err := json.Unmarshal([]byte(bodies["wrapped"]), &envelope); err != nil || bodies["plain"] != "latte" || envelope.Message != "latte" ||
		envelope.Type != "Notification" || envelope.TopicArn != *topic.TopicArn {
		t.Errorf("got %q", bodies)
	}
}

// subscribe subscribes to a shard with one record, and waits for the record.
func (c *clients) subscribe(ctx context.Context) *kinesis.SubscribeToShardEventStream {
	c.t.Helper()
	_, err := c.kinesis.CreateStream(ctx, &kinesis.CreateStreamInput{StreamName: name, ShardCount: aws.Int32(1)})
	c.must(err)
	consumer, err := c.kinesis.RegisterStreamConsumer(ctx, &kinesis.RegisterStreamConsumerInput{
		StreamARN: aws.String("arn:aws:kinesis:us-east-1:000000000000:stream/orders"), ConsumerName: aws.String("esm"),
	})
	c.must(err)
	_, err = c.kinesis.PutRecord(ctx, &kinesis.PutRecordInput{StreamName: name, PartitionKey: name, Data: []byte("latte")})
	c.must(err)
	out, err := c.kinesis.SubscribeToShard(ctx, &kinesis.SubscribeToShardInput{
		ConsumerARN: consumer.Consumer.ConsumerARN, ShardId: aws.String("shardId-000000000000"),
		StartingPosition: &kinesistypes.StartingPosition{Type: kinesistypes.ShardIteratorTypeTrimHorizon},
	})
	c.must(err)
	if _, ok := <-out.GetStream().Events(); !ok {
		c.t.Fatalf("the subscription ended: %v", out.GetStream().Err())
	}
	return out.GetStream()
}

// A client that closes a subscription ends its goroutines: otherwise the bubble would not end.
func TestClosingASubscriptionWithoutASocket(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newClients(t, inprocess.Config(new(Server)))
		c.must(c.subscribe(t.Context()).Close())
	})
}

// Serve ends the requests that run: a long poll and a subscription both end with the request's context.
func TestServeEndsSubscriptions(t *testing.T) {
	url, stop := serve(t)
	c := newClients(t, at(url))
	events := c.subscribe(context.Background())
	start := time.Now()
	c.must(stop())
	for range events.Events() {
	}
	if took := time.Since(start); took > 10*time.Second {
		t.Errorf("it took %v", took)
	}
	events.Close()
}

func TestServeIsGuarded(t *testing.T) {
	url, _ := serveThis(t, &Server{Guard: func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Header.Get("Origin") != "" {
				w.WriteHeader(http.StatusForbidden)
				return
			}
			next.ServeHTTP(w, r)
		})
	}})
	for origin, want := range map[string]int{"": http.StatusOK, "https://example.org": http.StatusForbidden} {
		r, err := http.NewRequestWithContext(t.Context(), "GET", url, nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Origin", origin)
		answer, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		answer.Body.Close()
		if answer.StatusCode != want {
			t.Errorf("from %q: got %s", origin, answer.Status)
		}
	}
}

func TestServeReturnsItsListenersError(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
	if err := new(Server).Serve(t.Context(), l); !errors.Is(err, net.ErrClosed) {
		t.Errorf("got %v, want net.ErrClosed", err)
	}
}
