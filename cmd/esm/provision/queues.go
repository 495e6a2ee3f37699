package provision

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/esm-run/esm/cmd/esm/awsclient"
	"github.com/esm-run/esm/cmd/esm/configfile"
	"github.com/esm-run/esm/config"
)

// queues lists the file's Queues.
func queues(ctx context.Context, file *configfile.File, c *awsclient.Clients) (all []resource, err error) {
	if len(file.Resources.Queues) == 0 {
		return nil, nil
	}
	client, err := c.SQS(ctx, file.Aws.EndpointOf(config.SQS), file.Aws.Region)
	for _, q := range file.Resources.Queues {
		all = append(all, (&queue{Queue: q, client: client}).resource())
	}
	return all, err
}

type queue struct {
	configfile.Queue
	client *sqs.Client
	url    *string // set by describe
}

func (q *queue) resource() resource {
	return resource{
		name: "queue " + q.QueueName, describe: q.describe, create: q.create,
		count: len(q.Messages), content: "message", put: q.send,
	}
}

func (q *queue) describe(ctx context.Context) (state, error) {
	at, err := q.client.GetQueueUrl(ctx, &sqs.GetQueueUrlInput{QueueName: &q.QueueName})
	if err != nil {
		return notFound[*types.QueueDoesNotExist](err)
	}
	q.url = at.QueueUrl
	if len(q.Attributes) == 0 {
		return state{exists: true}, nil
	}
	has, err := q.client.GetQueueAttributes(ctx, &sqs.GetQueueAttributesInput{
		QueueUrl: q.url, AttributeNames: []types.QueueAttributeName{types.QueueAttributeNameAll},
	})
	if err != nil {
		return notFound[*types.QueueDoesNotExist](err)
	}
	return state{exists: true, differs: q.differs(has.Attributes)}, nil
}

// differs returns the attributes in which the queue differs from the file.
func (q *queue) differs(has map[string]string) (all []string) {
	for _, name := range slices.Sorted(maps.Keys(q.Attributes)) {
		if want := q.Attributes[name]; !sameAttribute(has[name], want) {
			all = append(all, fmt.Sprintf("its %s is %q, in the file %q", name, has[name], want))
		}
	}
	return all
}

// sameAttribute compares two attributes. Policies are JSON, in which a number may be text.
func sameAttribute(a, b string) bool {
	return a == b || plainJSON(a) != "" && plainJSON(a) == plainJSON(b)
}

// plainJSON returns the canonical form of a JSON object, with numbers as text, and an empty string for anything else.
func plainJSON(text string) string {
	var object map[string]any
	d := json.NewDecoder(strings.NewReader(text))
	d.UseNumber()
	if d.Decode(&object) != nil {
		return ""
	}
	for name, value := range object {
		if number, ok := value.(json.Number); ok {
			object[name] = number.String()
		}
	}
	written, err := json.Marshal(object)
	if err != nil {
		return ""
	}
	return string(written)
}

func (q *queue) create(ctx context.Context) error {
	_, err := q.client.CreateQueue(ctx, &sqs.CreateQueueInput{QueueName: &q.QueueName, Attributes: q.Attributes})
	return err
}

func (q *queue) send(ctx context.Context, i int) error {
	message := q.Messages[i]
	input := &sqs.SendMessageInput{
		QueueUrl:               q.url,
		MessageBody:            &message.MessageBody,
		MessageGroupId:         given(message.MessageGroupId),
		MessageDeduplicationId: given(message.MessageDeduplicationId),
		DelaySeconds:           int32(message.DelaySeconds), //nolint:gosec // the file's decoder allows at most 900
	}
	var err error
	if input.MessageAttributes, err = attributes(message.MessageAttributes); err != nil {
		return err
	}
	_, err = q.client.SendMessage(ctx, input)
	return err
}

func attributes(given map[string]configfile.MessageAttribute) (map[string]types.MessageAttributeValue, error) {
	if len(given) == 0 {
		return nil, nil
	}
	values := make(map[string]types.MessageAttributeValue, len(given))
	for name, a := range given {
		value, err := attribute(a)
		if err != nil {
			return nil, fmt.Errorf("attribute %s: %w", name, err)
		}
		values[name] = value
	}
	return values, nil
}

func attribute(a configfile.MessageAttribute) (types.MessageAttributeValue, error) {
	value := types.MessageAttributeValue{DataType: &a.DataType}
	if a.BinaryValue == "" {
		value.StringValue = &a.StringValue
		return value, nil
	}
	data, err := base64.StdEncoding.DecodeString(a.BinaryValue)
	value.BinaryValue = data
	return value, err
}

// given returns nil for an empty string.
func given(text string) *string {
	if text == "" {
		return nil
	}
	return aws.String(text)
}
