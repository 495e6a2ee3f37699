package destinations

import (
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/sns"

	"github.com/esm-run/esm"
)

// SNS publishes notices on a standard topic: each is a message without a subject and without attributes. Many may use it
// at once.
type SNS struct {
	client *sdk.Client
	arn    string
}

var _ esm.Destination = (*SNS)(nil)

// NewSNS makes a destination of the topic that arn names. The client speaks to its Region or, when it has a BaseEndpoint,
// to an emulator or a VPC endpoint. Nothing goes over the network: the topic need not exist yet.
func NewSNS(client *sdk.Client, arn string) (*SNS, error) {
	if _, err := parse(arn, ServiceSNS); err != nil {
		return nil, fmt.Errorf("destinations: %q %w", arn, err)
	}
	return &SNS{client: client, arn: arn}, nil
}

// Send is [esm.Destination].Send by one Publish, which needs sns:Publish.
func (t *SNS) Send(ctx context.Context, n esm.Notice) error {
	body, err := write(n, false)
	if err == nil {
		in := &sdk.PublishInput{TopicArn: &t.arn, Message: aws.String(string(body))}
		_, err = t.client.Publish(ctx, in, func(o *sdk.Options) { o.Retryer = aws.NopRetryer{} })
	}
	if err != nil {
		return failed("publish on", t.arn, err)
	}
	return nil
}
