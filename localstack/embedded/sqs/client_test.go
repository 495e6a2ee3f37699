package sqs

import (
	"context"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/esm-run/esm/localstack/embedded/inprocess"
)

// A client is an SDK client whose methods fail the test when SQS returns an error.
type client struct {
	*sdk.Client
	t      testing.TB
	suffix string   // of the names of queues
	made   []string // URLs
}

// bubble runs test with a new server and virtual time.
func bubble(t *testing.T, test func(c *client)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) { test(newClient(t, new(Server))) })
}

func newClient(t testing.TB, s *Server) *client {
	return &client{Client: sdk.NewFromConfig(inprocess.Config(s)), t: t}
}

func (c *client) create(name string, attributes ...string) string {
	c.t.Helper()
	name += c.suffix
	if _, fifo := pairs(attributes)["FifoQueue"]; fifo {
		name += ".fifo"
	}
	out, err := c.CreateQueue(c.t.Context(), &sdk.CreateQueueInput{QueueName: &name, Attributes: pairs(attributes)})
	if err != nil {
		c.t.Fatalf("create %s: %v", name, err)
	}
	c.made = append(c.made, *out.QueueUrl)
	return *out.QueueUrl
}

func (c *client) createFIFO(name string, attributes ...string) string {
	c.t.Helper()
	return c.create(name, append([]string{"FifoQueue", "true"}, attributes...)...)
}

func (c *client) deleteQueues() {
	for _, url := range c.made {
		c.DeleteQueue(context.Background(), &sdk.DeleteQueueInput{QueueUrl: &url})
	}
}

func (c *client) set(url string, attributes ...string) {
	c.t.Helper()
	if _, err := c.SetQueueAttributes(c.t.Context(), &sdk.SetQueueAttributesInput{QueueUrl: &url, Attributes: pairs(attributes)}); err != nil {
		c.t.Fatalf("set %v: %v", attributes, err)
	}
}

func pairs(texts []string) map[string]string {
	m := make(map[string]string)
	for pair := range slices.Chunk(texts, 2) {
		m[pair[0]] = pair[1]
	}
	return m
}

func (c *client) send(url, body string) *sdk.SendMessageOutput {
	c.t.Helper()
	return c.post(sdk.SendMessageInput{QueueUrl: &url, MessageBody: &body})
}

// sendTo sends to a group, with the body as deduplication ID.
func (c *client) sendTo(url, group, body string) *sdk.SendMessageOutput {
	c.t.Helper()
	return c.post(sdk.SendMessageInput{QueueUrl: &url, MessageBody: &body, MessageGroupId: &group, MessageDeduplicationId: &body})
}

func (c *client) post(in sdk.SendMessageInput) *sdk.SendMessageOutput {
	c.t.Helper()
	out, err := c.SendMessage(c.t.Context(), &in)
	if err != nil {
		c.t.Fatalf("send %s: %v", aws.ToString(in.MessageBody), err)
	}
	return out
}

// receive receives up to limit messages with all their attributes.
func (c *client) receive(url string, limit, wait int32) []types.Message {
	c.t.Helper()
	return c.fetch(sdk.ReceiveMessageInput{QueueUrl: &url, MaxNumberOfMessages: limit, WaitTimeSeconds: wait})
}

func (c *client) fetch(in sdk.ReceiveMessageInput) []types.Message {
	c.t.Helper()
	in.MessageAttributeNames = []string{"All"}
	in.MessageSystemAttributeNames = []types.MessageSystemAttributeName{"All"}
	out, err := c.ReceiveMessage(c.t.Context(), &in)
	if err != nil {
		c.t.Fatalf("receive: %v", err)
	}
	return out.Messages
}

func (c *client) delete(url string, m types.Message) {
	c.t.Helper()
	if err := c.tryDelete(url, m); err != nil {
		c.t.Fatalf("delete %s: %v", *m.Body, err)
	}
}

func (c *client) tryDelete(url string, m types.Message) error {
	_, err := c.DeleteMessage(c.t.Context(), &sdk.DeleteMessageInput{QueueUrl: &url, ReceiptHandle: m.ReceiptHandle})
	return err
}

func (c *client) hide(url string, m types.Message, seconds int32) {
	c.t.Helper()
	if err := c.tryHide(url, m, seconds); err != nil {
		c.t.Fatalf("change visibility of %s: %v", *m.Body, err)
	}
}

func (c *client) tryHide(url string, m types.Message, seconds int32) error {
	_, err := c.ChangeMessageVisibility(c.t.Context(), &sdk.ChangeMessageVisibilityInput{
		QueueUrl: &url, ReceiptHandle: m.ReceiptHandle, VisibilityTimeout: seconds,
	})
	return err
}

func (c *client) attributes(url string) map[string]string {
	c.t.Helper()
	out, err := c.GetQueueAttributes(c.t.Context(), &sdk.GetQueueAttributesInput{
		QueueUrl: &url, AttributeNames: []types.QueueAttributeName{"All"},
	})
	if err != nil {
		c.t.Fatal(err)
	}
	return out.Attributes
}

// deadLetters makes dead the dead-letter queue of a queue.
func (c *client) deadLetters(url, dead string, max string) {
	c.t.Helper()
	c.set(url, "RedrivePolicy", `{"deadLetterTargetArn":"`+c.attributes(dead)["QueueArn"]+`","maxReceiveCount":`+max+`}`)
}

func (c *client) wantBodies(what string, messages []types.Message, want ...string) {
	c.t.Helper()
	var got []string
	for _, m := range messages {
		got = append(got, *m.Body)
	}
	if !slices.Equal(got, want) {
		c.t.Fatalf("%s: got %q, want %q", what, got, want)
	}
}

func (c *client) wantAfter(what string, start time.Time, want time.Duration) {
	c.t.Helper()
	if got := time.Since(start); got != want {
		c.t.Errorf("%s after %v, want %v", what, got, want)
	}
}
