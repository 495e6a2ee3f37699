package sqs

import (
	"errors"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/esm-run/esm/awserr"
)

func queueAttributes(c *client) {
	q := c.create("q", "VisibilityTimeout", "20", "MessageRetentionPeriod", "604800")
	c.set(q, "DelaySeconds", "420", "MaximumMessageSize", "2048")
	all := c.attributes(q)
	for name, want := range map[string]string{
		"ApproximateNumberOfMessages": "0", "ApproximateNumberOfMessagesDelayed": "0", "ApproximateNumberOfMessagesNotVisible": "0",
		"DelaySeconds": "420", "MaximumMessageSize": "2048", "MessageRetentionPeriod": "604800",
		"ReceiveMessageWaitTimeSeconds": "0", "SqsManagedSseEnabled": "true", "VisibilityTimeout": "20",
		"QueueArn": "arn:aws:sqs:us-east-1:000000000000:q" + c.suffix,
	} {
		if got := all[name]; got != want {
			c.t.Errorf("%s: got %q, want %q", name, got, want)
		}
	}
	if len(all) != 12 || len(all["CreatedTimestamp"]) < 9 || len(all["LastModifiedTimestamp"]) < 9 {
		c.t.Errorf("got %d attributes: %v", len(all), all)
	}
	fifo := c.attributes(c.createFIFO("q"))
	for name, want := range map[string]string{"FifoQueue": "true", "ContentBasedDeduplication": "false", "DeduplicationScope": "queue", "FifoThroughputLimit": "perQueue"} {
		if got := fifo[name]; got != want {
			c.t.Errorf("%s: got %q, want %q", name, got, want)
		}
	}
	out, err := c.GetQueueAttributes(c.t.Context(), &sdk.GetQueueAttributesInput{QueueUrl: &q, AttributeNames: []types.QueueAttributeName{"QueueArn", "Policy"}})
	if err != nil || len(out.Attributes) != 1 {
		c.t.Errorf("named attributes: got %v, %v", out, err)
	}
}

func creatingTwice(c *client) {
	q := c.create("q", "DelaySeconds", "1")
	if again := c.create("q"); again != q {
		c.t.Errorf("got %s, want %s", again, q)
	}
	c.create("q", "DelaySeconds", "1")
	_, err := c.CreateQueue(c.t.Context(), &sdk.CreateQueueInput{QueueName: aws.String("q" + c.suffix), Attributes: map[string]string{"DelaySeconds": "2"}})
	if _, ok := errors.AsType[*types.QueueNameExists](err); !ok {
		c.t.Errorf("got %v, want QueueNameExists", err)
	}
	out, err := c.GetQueueUrl(c.t.Context(), &sdk.GetQueueUrlInput{QueueName: aws.String("q" + c.suffix)})
	if err != nil || *out.QueueUrl != q {
		c.t.Errorf("GetQueueUrl: got %v, %v", out, err)
	}
}

func listing(c *client) {
	prefix := "list" + c.suffix
	want := []string{c.create("list" + c.suffix + "-1"), c.create("list" + c.suffix + "-2"), c.create("list" + c.suffix + "-3")}
	var got []string
	var pages int
	in := &sdk.ListQueuesInput{QueueNamePrefix: &prefix, MaxResults: aws.Int32(2)}
	for p := sdk.NewListQueuesPaginator(c.Client, in); p.HasMorePages(); pages++ {
		out, err := p.NextPage(c.t.Context())
		if err != nil {
			c.t.Fatal(err)
		}
		got = append(got, out.QueueUrls...)
	}
	slices.Sort(got)
	if !slices.Equal(got, want) || pages != 2 {
		c.t.Errorf("got %d pages of %v, want 2 of %v", pages, got, want)
	}
}

func tags(c *client) {
	q := c.create("q")
	c.TagQueue(c.t.Context(), &sdk.TagQueueInput{QueueUrl: &q, Tags: map[string]string{"one": "1", "two": ""}})
	c.UntagQueue(c.t.Context(), &sdk.UntagQueueInput{QueueUrl: &q, TagKeys: []string{"one", "three"}})
	out, err := c.ListQueueTags(c.t.Context(), &sdk.ListQueueTagsInput{QueueUrl: &q})
	if err != nil || len(out.Tags) != 1 || out.Tags["two"] != "" {
		c.t.Errorf("got %v, %v", out, err)
	}
}

func sourceQueues(c *client) {
	dead, q := c.create("dead"), c.create("q")
	c.deadLetters(q, dead, "3")
	out, err := c.ListDeadLetterSourceQueues(c.t.Context(), &sdk.ListDeadLetterSourceQueuesInput{QueueUrl: &dead})
	if err != nil || !slices.Equal(out.QueueUrls, []string{q}) {
		c.t.Errorf("got %v, %v, want %s", out, err, q)
	}
	c.set(q, "RedrivePolicy", "")
	if got := c.attributes(q)["RedrivePolicy"]; got != "" {
		c.t.Errorf("the policy is still there: %s", got)
	}
}

func typedErrors(c *client) {
	q := c.create("q")
	none := strings.Replace(q, "/q", "/none", 1)
	_, err := c.SendMessage(c.t.Context(), &sdk.SendMessageInput{QueueUrl: &none, MessageBody: aws.String("x")})
	if _, ok := errors.AsType[*types.QueueDoesNotExist](err); !ok {
		c.t.Errorf("got %v, want QueueDoesNotExist", err)
	}
	_, err = c.DeleteMessage(c.t.Context(), &sdk.DeleteMessageInput{QueueUrl: &q, ReceiptHandle: aws.String("INVALID")})
	if _, ok := errors.AsType[*types.ReceiptHandleIsInvalid](err); !ok {
		c.t.Errorf("got %v, want ReceiptHandleIsInvalid", err)
	}
	_, err = c.SendMessageBatch(c.t.Context(), &sdk.SendMessageBatchInput{QueueUrl: &q, Entries: []types.SendMessageBatchRequestEntry{}})
	if _, ok := errors.AsType[*types.EmptyBatchRequest](err); !ok {
		c.t.Errorf("got %v, want EmptyBatchRequest", err)
	}
	_, err = c.ReceiveMessage(c.t.Context(), &sdk.ReceiveMessageInput{QueueUrl: &q, MaxNumberOfMessages: 11})
	if got, want := awserr.Code(err), "InvalidParameterValue"; got != want {
		c.t.Errorf("got %q, want %q", got, want)
	}
	_, err = c.SendMessage(c.t.Context(), &sdk.SendMessageInput{QueueUrl: &q, MessageBody: aws.String("\x02")})
	if _, ok := errors.AsType[*types.InvalidMessageContents](err); !ok {
		c.t.Errorf("got %v, want InvalidMessageContents", err)
	}
}
