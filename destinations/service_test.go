package destinations

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"io"
	"os"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/sns"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	sqstypes "github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/esm-run/esm"
	"github.com/esm-run/esm/localstack/embedded"
)

// real is services with a queue, a topic that the queue subscribes to, and a bucket, for the time of a test.
type real struct {
	*testing.T
	queues  *sqs.Client
	topics  *sns.Client
	buckets *s3.Client
	name    string
	url     string // of the queue
}

// onServices runs a test on the stand-in for AWS, and at ESM_TEST_DESTINATIONS_ENDPOINT, such as http://127.0.0.1:4566 for
// LocalStack; credentials are test and test.
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

// makeReal reaches the services over web; nil is the SDK's own way.
func makeReal(t *testing.T, endpoint string, web aws.HTTPClient) *real {
	t.Helper()
	const region = "us-east-1"
	r := &real{
		T:       t,
		queues:  sqs.New(sqs.Options{Region: region, BaseEndpoint: &endpoint, HTTPClient: web, Credentials: keys}),
		topics:  sns.New(sns.Options{Region: region, BaseEndpoint: &endpoint, HTTPClient: web, Credentials: keys}),
		buckets: s3.New(s3.Options{Region: region, BaseEndpoint: &endpoint, HTTPClient: web, Credentials: keys, UsePathStyle: true}),
		name:    "esm-test-" + strings.ToLower(rand.Text()[:10]),
	}
	ctx := context.Background()
	queue, err := r.queues.CreateQueue(ctx, &sqs.CreateQueueInput{QueueName: &r.name})
	r.must(err)
	r.url = *queue.QueueUrl
	_, err = r.topics.CreateTopic(ctx, &sns.CreateTopicInput{Name: &r.name})
	r.must(err)
	_, err = r.topics.Subscribe(ctx, &sns.SubscribeInput{
		TopicArn: aws.String(r.arn(ServiceSNS)), Protocol: aws.String("sqs"), Endpoint: aws.String(r.arn(ServiceSQS)),
	})
	r.must(err)
	_, err = r.buckets.CreateBucket(ctx, &s3.CreateBucketInput{Bucket: &r.name})
	r.must(err)
	t.Cleanup(func() {
		_, _ = r.queues.DeleteQueue(ctx, &sqs.DeleteQueueInput{QueueUrl: &r.url})
		_, _ = r.topics.DeleteTopic(ctx, &sns.DeleteTopicInput{TopicArn: aws.String(r.arn(ServiceSNS))})
		_, _ = r.buckets.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: &r.name, Key: aws.String(objectKey)})
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
	if service == ServiceS3 {
		return "arn:aws:s3:::" + r.name
	}
	return "arn:aws:" + service + ":us-east-1:000000000000:" + r.name
}

// of is a destination of a service; other names another one than what was made.
func (r *real) of(service, other string) (d esm.Destination) {
	r.Helper()
	var err error
	switch arn := r.arn(service) + other; service {
	case ServiceSQS:
		d, err = NewSQS(r.queues, arn)
	case ServiceSNS:
		d, err = NewSNS(r.topics, arn)
	case ServiceS3:
		d, err = NewS3(r.buckets, arn)
	}
	r.must(err)
	return d
}

// reach asks whether what of returns is there.
func (r *real) reach(service, other string) error {
	r.Helper()
	return r.of(service, other).(Reachable).Reach(r.Context())
}

// receive waits for the next message of the queue.
func (r *real) receive() sqstypes.Message {
	r.Helper()
	out, err := r.queues.ReceiveMessage(r.Context(), &sqs.ReceiveMessageInput{
		QueueUrl: &r.url, WaitTimeSeconds: 10, MessageAttributeNames: []string{"All"},
	})
	r.must(err)
	if len(out.Messages) != 1 {
		r.Fatalf("%d messages", len(out.Messages))
	}
	_, err = r.queues.DeleteMessage(r.Context(), &sqs.DeleteMessageInput{QueueUrl: &r.url, ReceiptHandle: out.Messages[0].ReceiptHandle})
	r.must(err)
	return out.Messages[0]
}

func TestNoticesArriveAtAService(t *testing.T) { onServices(t, noticesArrive) }

func noticesArrive(r *real) {
	want := string(golden(r.T, "exhausted"))
	r.must(r.of(ServiceSQS, "").Send(r.Context(), exhausted()))
	if got := r.receive(); *got.Body != want || len(got.MessageAttributes) != 0 {
		r.Errorf("queue: %s with %v", *got.Body, got.MessageAttributes)
	}
	r.must(r.of(ServiceSNS, "").Send(r.Context(), exhausted()))
	var envelope struct {
		Type, Message, TopicArn string
		Subject                 *string
		MessageAttributes       map[string]any
	}
	r.must(json.Unmarshal([]byte(*r.receive().Body), &envelope))
	if envelope.Message != want || envelope.Type != "Notification" || envelope.TopicArn != r.arn(ServiceSNS) ||
		envelope.Subject != nil || len(envelope.MessageAttributes) != 0 {
		r.Errorf("topic: %+v", envelope)
	}
	r.must(r.of(ServiceS3, "").Send(r.Context(), exhausted()))
	object, err := r.buckets.GetObject(r.Context(), &s3.GetObjectInput{Bucket: &r.name, Key: aws.String(objectKey)})
	r.must(err)
	defer func() { _ = object.Body.Close() }()
	body, err := io.ReadAll(object.Body)
	r.must(err)
	if string(body) != string(golden(r.T, "s3")) || *object.ContentType != "application/octet-stream" {
		r.Errorf("bucket: %s as %s", body, *object.ContentType)
	}
}

func TestWhatIsNotAtAService(t *testing.T) { onServices(t, whatIsNot) }

func whatIsNot(r *real) {
	for _, service := range []string{ServiceSQS, ServiceSNS, ServiceS3} {
		if err := r.of(service, "-missing").Send(r.Context(), exhausted()); !errors.Is(err, esm.ErrUndeliverable) {
			r.Errorf("%s: %v", service, err)
		}
		if err := r.reach(service, "-missing"); err == nil {
			r.Errorf("%s: what is missing can be reached", service)
		}
		r.must(r.reach(service, ""))
	}
}
