package main

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	sdk "github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/google/uuid"

	"github.com/esm-run/esm/config"
	"github.com/esm-run/esm/localstack/embedded"
	"github.com/esm-run/esm/sources/sourcetest"
	"github.com/esm-run/esm/sources/sqs"
)

// The SQS source, through the real client, on the stand-in: it passes the suite that it passes on real services, here to
// the very moment.
func TestTheStandInServesTheSource(t *testing.T) {
	for name, suffix := range map[string]string{"standard": "", "FIFO": ".fifo"} {
		t.Run(name, func(t *testing.T) {
			sourcetest.RunQueue(t, synctest.Test, func(t *testing.T) sourcetest.Fixture { return onStandIn(t, suffix) })
		})
	}
}

func onStandIn(t *testing.T, suffix string) sourcetest.Fixture {
	t.Helper()
	client := sdk.New(sdk.Options{
		Region: "us-east-1", BaseEndpoint: aws.String("http://embedded"), HTTPClient: new(embedded.Server).Client(),
		Credentials: credentials.NewStaticCredentialsProvider("test", "test", ""),
	})
	attributes := map[string]string{"VisibilityTimeout": "20"}
	if suffix != "" {
		attributes["FifoQueue"] = "true"
	}
	made, err := client.CreateQueue(t.Context(), &sdk.CreateQueueInput{QueueName: aws.String("suite" + suffix), Attributes: attributes})
	if err != nil {
		t.Fatal(err)
	}
	queue, err := sqs.New(sqs.Config{Client: client, ARN: config.ParseSource("arn:aws:sqs:us-east-1:000000000000:suite" + suffix).ARN})
	if err != nil {
		t.Fatal(err)
	}
	return sourcetest.Fixture{
		Queue: queue, FIFO: suffix != "", Visibility: 20 * time.Second,
		Send: func(body, group string) {
			input := &sdk.SendMessageInput{QueueUrl: made.QueueUrl, MessageBody: &body}
			if group != "" {
				input.MessageGroupId, input.MessageDeduplicationId = &group, aws.String(uuid.NewString())
			}
			// The suite may be done as soon as the message is there, before the answer is.
			if _, err := client.SendMessage(context.WithoutCancel(t.Context()), input); err != nil {
				t.Errorf("send: %v", err)
			}
		},
	}
}
