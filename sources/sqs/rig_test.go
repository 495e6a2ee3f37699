package sqs

import (
	"testing"

	sdk "github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/esm-run/esm/sources/internal/awstest"
)

const (
	standardARN = "arn:aws:sqs:eu-west-1:123456789012:orders"
	fifoARN     = "arn:aws:sqs:eu-west-1:123456789012:orders.fifo"
	emulator    = "http://127.0.0.1:4566"
)

// attributes answers with the attributes of a queue.
func attributes(given map[string]string) awstest.Handler {
	return func(awstest.Call) *awstest.Answer { return awstest.OK(map[string]any{"Attributes": given}) }
}

// nothing answers as a queue without messages.
func nothing(awstest.Call) *awstest.Answer { return awstest.OK(map[string]any{}) }

// newService is an SQS with one queue that has no messages. Tests replace its answers.
func newService() *awstest.Service {
	return &awstest.Service{Answers: map[string]awstest.Handler{
		"ReceiveMessage":     nothing,
		"GetQueueAttributes": attributes(map[string]string{"VisibilityTimeout": "30"}),
		"GetQueueUrl": func(c awstest.Call) *awstest.Answer {
			return awstest.OK(map[string]any{"QueueUrl": "http://unreachable.example:4566/123456789012/" + c.Text("QueueName")})
		},
	}}
}

// receiving is an SQS whose queue answers so when it is received from.
func receiving(h awstest.Handler) *awstest.Service {
	s := newService()
	s.Answers["ReceiveMessage"] = h
	return s
}

// queueOn is a queue of a service at an endpoint; an empty one is AWS.
func queueOn(t testing.TB, s *awstest.Service, arn, endpoint string) *Queue {
	t.Helper()
	q, err := New(Config{Client: sdk.NewFromConfig(s.Config(endpoint)), ARN: awstest.ARN(arn)})
	if err != nil {
		t.Fatal(err)
	}
	return q
}

// message is a message on the wire, with a right or wrong checksum.
func message(id, body, md5 string) map[string]any {
	return map[string]any{
		"MessageId": id, "ReceiptHandle": "handle-" + id, "Body": body, "MD5OfBody": md5,
		"Attributes": map[string]string{"SentTimestamp": "1764000000123", "MessageGroupId": "g"},
	}
}

const md5OfX = "9dd4e461268c8034f5c8564e155c67a6"

func messages(ms ...map[string]any) *awstest.Answer {
	return awstest.OK(map[string]any{"Messages": ms})
}
