package sqs

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/esm-run/esm/awshttp"
	"github.com/esm-run/esm/sources/internal/awstest"
	"github.com/esm-run/esm/sources/sourcetest"
)

// The tests of this file run on a real service when there is one: ESM_TEST_SQS_ENDPOINT=http://127.0.0.1:4566 for
// LocalStack, http://127.0.0.1:9324 for ElasticMQ; AWS_REGION where it is not us-east-1. Their credentials are test and
// test, the account is 000000000000. Queues are made and deleted.
func realClient(t *testing.T) *sdk.Client {
	t.Helper()
	return sdk.NewFromConfig(awstest.RealConfig(t, "ESM_TEST_SQS_ENDPOINT", awshttp.New(16)))
}

const realVisibility = 4 * time.Second

// real is a queue on a real service for the time of a test.
type real struct {
	*testing.T
	client *sdk.Client
	name   string
	url    *string
}

func makeReal(t *testing.T, client *sdk.Client, suffix string) *real {
	t.Helper()
	r := &real{T: t, client: client, name: "esm-test-" + strings.ToLower(rand.Text()[:10]) + suffix}
	r.make()
	t.Cleanup(r.delete)
	return r
}

func (r *real) fifo() bool { return strings.HasSuffix(r.name, ".fifo") }

func (r *real) make() {
	r.Helper()
	attributes := map[string]string{
		"VisibilityTimeout":             fmt.Sprint(int(realVisibility / time.Second)),
		"ReceiveMessageWaitTimeSeconds": "7", // must not show in receives that do not wait
	}
	if r.fifo() {
		attributes["FifoQueue"] = "true"
	}
	made, err := r.client.CreateQueue(r.Context(), &sdk.CreateQueueInput{QueueName: &r.name, Attributes: attributes})
	if err != nil {
		r.Fatalf("create %s: %v", r.name, err)
	}
	r.url = made.QueueUrl
}

func (r *real) delete() {
	if _, err := r.client.DeleteQueue(context.Background(), &sdk.DeleteQueueInput{QueueUrl: r.url}); err != nil {
		r.Errorf("delete %s: %v", r.name, err)
	}
}

func (r *real) arn() string {
	return "arn:aws:sqs:" + r.client.Options().Region + ":000000000000:" + r.name
}

func (r *real) queue() *Queue {
	r.Helper()
	q, err := New(Config{Client: r.client, ARN: awstest.ARN(r.arn())})
	if err != nil {
		r.Fatal(err)
	}
	return q
}

func (r *real) send(body, group string, attributes map[string]types.MessageAttributeValue) {
	in := &sdk.SendMessageInput{QueueUrl: r.url, MessageBody: &body, MessageAttributes: attributes}
	if r.fifo() {
		in.MessageGroupId, in.MessageDeduplicationId = &group, aws.String(rand.Text())
	}
	if _, err := r.client.SendMessage(context.Background(), in); err != nil {
		r.Errorf("send: %v", err)
	}
}

func TestSuiteOnService(t *testing.T) {
	client := realClient(t)
	for name, suffix := range map[string]string{"standard": "", "FIFO": ".fifo"} {
		t.Run(name, func(t *testing.T) {
			sourcetest.RunQueue(t, sourcetest.RealTime, func(t *testing.T) sourcetest.Fixture {
				r := makeReal(t, client, suffix)
				return sourcetest.Fixture{
					Queue:      r.queue(),
					Send:       func(body, group string) { r.send(body, group, nil) },
					FIFO:       r.fifo(),
					Visibility: realVisibility,
					Slack:      2 * time.Second,
				}
			})
		})
	}
}

func TestRecordOnService(t *testing.T) {
	r := makeReal(t, realClient(t), "")
	r.send("x", "", map[string]types.MessageAttributeValue{
		"Title":   {DataType: aws.String("String"), StringValue: aws.String("The Whistler")},
		"WeeksOn": {DataType: aws.String("Number"), StringValue: aws.String("6")},
		"thumb":   {DataType: aws.String("Binary.png"), BinaryValue: []byte{0, 255}},
	})
	recs, err := r.queue().Receive(t.Context(), 10, 10*time.Second)
	if err != nil || len(recs) != 1 {
		t.Fatalf("%d records, %v", len(recs), err)
	}
	t.Logf("%s", recs[0].Event)
	var got events.SQSMessage
	if err := json.Unmarshal(recs[0].Event, &got); err != nil {
		t.Fatal(err)
	}
	want := map[string]events.SQSMessageAttribute{
		"Title":   {DataType: "String", StringValue: aws.String("The Whistler"), StringListValues: []string{}, BinaryListValues: [][]byte{}},
		"WeeksOn": {DataType: "Number", StringValue: aws.String("6"), StringListValues: []string{}, BinaryListValues: [][]byte{}},
		"thumb":   {DataType: "Binary.png", BinaryValue: []byte{0, 255}, StringListValues: []string{}, BinaryListValues: [][]byte{}},
	}
	if !reflect.DeepEqual(got.MessageAttributes, want) {
		t.Errorf("message attributes %+v, want %+v", got.MessageAttributes, want)
	}
	if got.Md5OfMessageAttributes == "" || got.Md5OfBody != md5OfX || got.EventSourceARN != r.arn() {
		t.Errorf("got %+v", got)
	}
}

func TestRecreatedQueueOnService(t *testing.T) {
	for _, suffix := range []string{"", ".fifo"} {
		r := makeReal(t, realClient(t), suffix)
		q := r.queue()
		if got, err := q.Attributes(t.Context()); err != nil || got.VisibilityTimeout != realVisibility {
			t.Errorf("attributes %+v, %v", got, err)
		}
		if _, err := q.Receive(t.Context(), 1, 0); err != nil {
			t.Fatal(err)
		}
		r.delete()
		if _, err := q.Receive(t.Context(), 1, 0); !errors.Is(err, ErrNoQueue) {
			t.Errorf("a deleted queue: got %v, want %v", err, ErrNoQueue)
		}
		if _, err := q.Receive(t.Context(), 1, 0); !errors.Is(err, ErrNoQueue) {
			t.Errorf("a queue that does not exist: got %v, want %v", err, ErrNoQueue)
		}
		if left, err := q.Delete(t.Context(), records(1)); !errors.Is(err, ErrNoQueue) || len(left) != 1 {
			t.Errorf("deleting from no queue: %d left, %v", len(left), err)
		}
		r.make()
		if _, err := q.Receive(t.Context(), 1, 0); err != nil {
			t.Errorf("a recreated queue: %v", err)
		}
	}
}
