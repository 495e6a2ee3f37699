package destinations

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sns"

	"github.com/esm-run/esm"
)

// topic publishes each notice as a message without subject and attributes.
type topic struct {
	client *sns.Client
	arn    string
}

// Send implements [esm.Destination] by one Publish, which needs sns:Publish.
func (t *topic) Send(ctx context.Context, n esm.Notice) error {
	body, err := document(n, false)
	if err == nil {
		in := &sns.PublishInput{TopicArn: &t.arn, Message: aws.String(string(body))}
		_, err = t.client.Publish(ctx, in, func(o *sns.Options) { o.Retryer = aws.NopRetryer{} })
	}
	if err != nil {
		return failed("publish on", t.arn, err)
	}
	return nil
}

// Reach implements [Reachable] by GetTopicAttributes.
func (t *topic) Reach(ctx context.Context) error {
	_, err := t.client.GetTopicAttributes(ctx, &sns.GetTopicAttributesInput{TopicArn: &t.arn})
	return reached("topic", t.arn, err)
}
