package sqs

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/google/uuid"

	"github.com/esm-run/esm/config"
	"github.com/esm-run/esm/sources/sourcetest"
	"github.com/esm-run/esm/sources/sqs"
)

// TestSource runs the suite of all queues.
func TestSource(t *testing.T) {
	for kind, attributes := range map[string][]string{"standard": nil, "FIFO": {"FifoQueue", "true"}} {
		t.Run(kind, func(t *testing.T) {
			sourcetest.RunQueue(t, synctest.Test, func(t *testing.T) sourcetest.Fixture {
				c := newClient(t, new(Server))
				url, fifo := c.create("orders", attributes...), attributes != nil
				source, err := sqs.New(sqs.Config{Client: c.Client, ARN: config.ParseSource(c.attributes(url)["QueueArn"]).ARN})
				if err != nil {
					t.Fatal(err)
				}
				return sourcetest.Fixture{
					Queue: source, FIFO: fifo, Visibility: 30 * time.Second,
					Send: func(body, group string) {
						in := sdk.SendMessageInput{QueueUrl: &url, MessageBody: &body}
						if fifo {
							id := uuid.NewString()
							in.MessageGroupId, in.MessageDeduplicationId = &group, &id
						}
						// Not t.Context(): a test may end before the send that it waited for has returned.
						if _, err := c.SendMessage(context.Background(), &in); err != nil {
							t.Error(err)
						}
					},
				}
			})
		})
	}
}
