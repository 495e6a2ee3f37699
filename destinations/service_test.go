package destinations

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"os"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/sns"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	sqstypes "github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/esm-run/esm"
	"github.com/esm-run/esm/config"
	"github.com/esm-run/esm/localstack/embedded"
)

// real is a queue, a topic that the queue is subscribed to, and a bucket, for one test.
type real struct {
	*testing.T
	opener  Opener
	queues  *sqs.Client
	topics  *sns.Client
	buckets *s3.Client
	name    string
	url     string // of the queue
}

// onServices runs a test on the embedded services, and on those at ESM_TEST_DESTINATIONS_ENDPOINT, such as
// http://127.0.0.1:4566 for LocalStack. The credentials are test and test.
func onServices(t *testing.T, test func(r *real)) {
	t.Run("stand-in", func(t *testing.T) { test(makeReal(t, "http://embedded", new(embedded.Server).Client())) })
	t.Run("endpoint", func(t *testing.T) {
		endpoint := os.Getenv("ESM_TEST_DESTINATIONS_ENDPOINT")
		if endpoint == "" {
			t.Skip("ESM_TEST_DESTINATIONS_ENDPOINT is not set: there is no other service to test on")
		}
		test(makeReal(t, endpoint, nil))
	})
}

const region = "us-east-1"

// makeReal makes the resources at an endpoint.
func makeReal(t *testing.T, endpoint string, web aws.HTTPClient) *real {
	t.Helper()
	ctx, c := context.Background(), clients{web}
	r := &real{
		T: t, name: "esm-test-" + strings.ToLower(rand.Text()[:10]),
		opener: Opener{Clients: c, Endpoint: func(string) (string, error) { return endpoint, nil }, Region: region},
	}
	r.queues, _ = c.SQS(ctx, endpoint, region)
	r.topics, _ = c.SNS(ctx, endpoint, region)
	r.buckets, _ = c.S3(ctx, endpoint, region)
	queue, err := r.queues.CreateQueue(ctx, &sqs.CreateQueueInput{QueueName: &r.name})
	r.must(err)
	r.url = *queue.QueueUrl
	_, err = r.topics.CreateTopic(ctx, &sns.CreateTopicInput{Name: &r.name})
	r.must(err)
	_, err = r.topics.Subscribe(ctx, &sns.SubscribeInput{
		TopicArn: aws.String(r.arn(config.SNS)), Protocol: aws.String("sqs"), Endpoint: aws.String(r.arn(config.SQS)),
	})
	r.must(err)
	_, err = r.buckets.CreateBucket(ctx, &s3.CreateBucketInput{Bucket: &r.name})
	r.must(err)
	t.Cleanup(func() {
		_, _ = r.queues.DeleteQueue(ctx, &sqs.DeleteQueueInput{QueueUrl: &r.url})
		_, _ = r.topics.DeleteTopic(ctx, &sns.DeleteTopicInput{TopicArn: aws.String(r.arn(config.SNS))})
		_, _ = r.buckets.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: &r.name, Key: aws.String(exhaustedKey)})
		_, _ = r.buckets.DeleteBucket(ctx, &s3.DeleteBucketInput{Bucket: &r.name})
	})
	return r
}

func (r *real) must(err error) {
	r.Helper()
	if err != nil {
		r.Fatal(err)
	}
}

func (r *real) arn(service string) string {
	if service == config.S3 {
		return "arn:aws:s3:::" + r.name
	}
	return "arn:aws:" + service + ":" + region + ":000000000000:" + r.name
}

// of opens the destination of a service. A suffix names one that does not exist.
func (r *real) of(service, suffix string) Reachable {
	r.Helper()
	return r.from(service, suffix, config.StreamFailure)
}

// from opens the destination of a service for an origin.
func (r *real) from(service, suffix string, origin config.Origin) Reachable {
	r.Helper()
	d, err := r.opener.Open(r.Context(), r.arn(service)+suffix, origin)
	r.must(err)
	return d
}

// receive waits for the next message of the queue.
func (r *real) receive() sqstypes.Message {
	r.Helper()
	out, err := r.queues.ReceiveMessage(r.Context(), &sqs.ReceiveMessageInput{
		QueueUrl: &r.url, WaitTimeSeconds: 10, MessageAttributeNames: []string{"All"},
		MessageSystemAttributeNames: []sqstypes.MessageSystemAttributeName{sqstypes.MessageSystemAttributeNameAWSTraceHeader},
	})
	r.must(err)
	if len(out.Messages) != 1 {
		r.Fatalf("%d messages", len(out.Messages))
	}
	_, err = r.queues.DeleteMessage(r.Context(), &sqs.DeleteMessageInput{QueueUrl: &r.url, ReceiptHandle: out.Messages[0].ReceiptHandle})
	r.must(err)
	return out.Messages[0]
}

func TestNoticesOnService(t *testing.T) { onServices(t, noticesArrive) }

func noticesArrive(r *real) {
	want := string(golden(r.T, "exhausted"))
	r.must(r.of(config.SQS, "").Send(r.Context(), exhausted()))
	if got := r.receive(); *got.Body != want || len(got.MessageAttributes) != 0 {
		r.Errorf("queue: %s with %v", *got.Body, got.MessageAttributes)
	}
	r.must(r.of(config.SNS, "").Send(r.Context(), exhausted()))
	var envelope struct {
		Type, Message, TopicArn string
		Subject                 *string
		MessageAttributes       map[string]any
	}
	r.must(json.Unmarshal([]byte(*r.receive().Body), &envelope))
	if envelope.Message != want || envelope.Type != "Notification" || envelope.TopicArn != r.arn(config.SNS) ||
		envelope.Subject != nil || len(envelope.MessageAttributes) != 0 {
		r.Errorf("topic: %+v", envelope)
	}
	r.must(r.of(config.S3, "").Send(r.Context(), exhausted()))
	object, err := r.buckets.GetObject(r.Context(), &s3.GetObjectInput{Bucket: &r.name, Key: aws.String(exhaustedKey)})
	r.must(err)
	defer func() { _ = object.Body.Close() }()
	body, err := io.ReadAll(object.Body)
	r.must(err)
	if string(body) != string(golden(r.T, "s3")) || *object.ContentType != "application/octet-stream" {
		r.Errorf("bucket: %s as %s", body, *object.ContentType)
	}
}

func TestMissingDestinations(t *testing.T) { onServices(t, missingDestinations) }

func missingDestinations(r *real) {
	for _, service := range []string{config.SQS, config.SNS, config.S3} {
		if err := r.of(service, "-missing").Send(r.Context(), exhausted()); !errors.Is(err, esm.ErrUndeliverable) {
			r.Errorf("%s: %v", service, err)
		}
		if err := r.of(service, "-missing").Reach(r.Context()); err == nil {
			r.Errorf("%s: reached although it does not exist", service)
		}
		r.must(r.of(service, "").Reach(r.Context()))
	}
}

func TestEventsOnService(t *testing.T) { onServices(t, eventsArrive) }

func eventsArrive(r *real) {
	r.must(r.from(config.SQS, "", config.EventSuccess).Send(r.Context(), succeeded()))
	if got := r.receive(); *got.Body != text(r.T, "succeeded") || len(got.MessageAttributes) != 0 || got.Attributes["AWSTraceHeader"] != traceID {
		r.Errorf("queue: %s with %v, %v", *got.Body, got.MessageAttributes, got.Attributes)
	}
	letter := deadLettered()
	letter.Event.Error = strings.Repeat("x", esm.MaxErrorMessage-1) + "\u20ac\x1b"
	want := map[string]string{
		"RequestID": "String " + letter.RequestID, "ErrorCode": "Number 200", "ErrorMessage": "String " + strings.Repeat("x", esm.MaxErrorMessage-1) + "\uFFFD",
	}
	r.must(r.from(config.SQS, "", config.DeadLetter).Send(r.Context(), letter))
	got := r.receive()
	attributes := map[string]string{}
	for name, v := range got.MessageAttributes {
		attributes[name] = *v.DataType + " " + *v.StringValue
	}
	if *got.Body != string(letter.Payload) || !maps.Equal(attributes, want) {
		r.Errorf("dead-letter queue: %s with %v", *got.Body, attributes)
	}
	r.must(r.from(config.SNS, "", config.DeadLetter).Send(r.Context(), letter))
	var envelope struct {
		Message           string
		MessageAttributes map[string]struct{ Type, Value string }
	}
	r.must(json.Unmarshal([]byte(*r.receive().Body), &envelope))
	clear(attributes)
	for name, v := range envelope.MessageAttributes {
		attributes[name] = v.Type + " " + v.Value
	}
	if envelope.Message != string(letter.Payload) || !maps.Equal(attributes, want) {
		r.Errorf("dead-letter topic: %+v", envelope)
	}
}
