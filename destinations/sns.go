package destinations

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sns"
	"github.com/aws/aws-sdk-go-v2/service/sns/types"

	"github.com/esm-run/esm"
)

// topic publishes each notice as a message without a subject. Only a dead letter has attributes.
type topic struct {
	client *sns.Client
	arn    string
}

// Send implements [esm.Destination] by one Publish, which needs sns:Publish.
func (t *topic) Send(ctx context.Context, n esm.Notice) error {
	m, err := topicMessage(n)
	if err == nil {
		in := &sns.PublishInput{TopicArn: &t.arn, Message: &m.body, MessageAttributes: topicAttributes(m)}
		_, err = t.client.Publish(ctx, in, func(o *sns.Options) {
			o.Retryer, o.APIOptions = aws.NopRetryer{}, append(o.APIOptions, traced(n)...)
		})
	}
	if err != nil {
		return failed("publish on", t.arn, err)
	}
	return nil
}

// topicMessage returns the message about a notice. Topics take smaller ones than queues.
func topicMessage(n esm.Notice) (message, error) {
	if n.Event == nil || n.Event.DeadLetter {
		return messageOf(n)
	}
	record, err := topicRecord(n)
	return message{body: string(record)}, err
}

func topicAttributes(m message) (attributes map[string]types.MessageAttributeValue) {
	for _, a := range m.attributes {
		if attributes == nil {
			attributes = map[string]types.MessageAttributeValue{}
		}
		attributes[a.name] = types.MessageAttributeValue{DataType: &a.kind, StringValue: &a.value}
	}
	return attributes
}

// Reach implements [Reachable] by GetTopicAttributes.
func (t *topic) Reach(ctx context.Context) error {
	_, err := t.client.GetTopicAttributes(ctx, &sns.GetTopicAttributesInput{TopicArn: &t.arn})
	return reached("topic", t.arn, err)
}
