package destinations

import (
	"context"
	"fmt"
	"net/http"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/esm-run/esm"
	"github.com/esm-run/esm/config"
)

// SQS sends notices to a standard queue: each is the body of a message without attributes. Many may use it at once.
type SQS struct {
	client *sdk.Client
	arn    config.ARN

	mu  sync.Mutex // guards url; never held during a call
	url string     // empty until it is known
}

var _ esm.Destination = (*SQS)(nil)

// NewSQS makes a destination of the queue that arn names. The client speaks to its Region or, when it has a BaseEndpoint,
// to an emulator or a VPC endpoint. Nothing goes over the network: the queue need not exist yet.
func NewSQS(client *sdk.Client, arn string) (*SQS, error) {
	a, err := parse(arn, ServiceSQS)
	if err != nil {
		return nil, fmt.Errorf("destinations: %q %w", arn, err)
	}
	return &SQS{client: client, arn: a}, nil
}

// Send is [esm.Destination].Send by one SendMessage, which needs sqs:SendMessage. The first also asks an endpoint that is
// not AWS's own for the queue's address.
func (q *SQS) Send(ctx context.Context, n esm.Notice) error {
	body, err := write(n, false)
	if err == nil {
		err = q.send(ctx, string(body))
	}
	if err != nil {
		return failed("send to queue", q.arn.Resource, err)
	}
	return nil
}

func (q *SQS) send(ctx context.Context, body string) error {
	url, err := q.address(ctx)
	if err != nil {
		return err
	}
	in := &sdk.SendMessageInput{QueueUrl: &url, MessageBody: &body}
	_, err = q.client.SendMessage(ctx, in, func(o *sdk.Options) { o.Retryer = aws.NopRetryer{} })
	if final(err) {
		q.remember("") // the queue may be made anew elsewhere
	}
	return err
}

// address is the queue's URL. On AWS it follows from the ARN; elsewhere the endpoint is asked, which a VPC endpoint may
// refuse. The client sends every request to its own endpoint: to the service the URL is only the queue's name.
func (q *SQS) address(ctx context.Context) (string, error) {
	if url := q.known(); url != "" {
		return url, nil
	}
	if q.client.Options().BaseEndpoint == nil {
		return q.remember(q.ofAWS()), nil
	}
	in := &sdk.GetQueueUrlInput{QueueName: &q.arn.Resource, QueueOwnerAWSAccountId: &q.arn.Account}
	out, err := q.client.GetQueueUrl(ctx, in, func(o *sdk.Options) { o.Retryer = aws.NopRetryer{} })
	switch {
	case err == nil:
		return q.remember(aws.ToString(out.QueueUrl)), nil
	case statusOf(err) == http.StatusForbidden:
		return q.remember(q.ofAWS()), nil
	}
	return "", err
}

func (q *SQS) ofAWS() string {
	domain := "amazonaws.com"
	if q.arn.Partition == "aws-cn" {
		domain += ".cn"
	}
	return fmt.Sprintf("https://sqs.%s.%s/%s/%s", q.arn.Region, domain, q.arn.Account, q.arn.Resource)
}

func (q *SQS) known() string {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.url
}

func (q *SQS) remember(url string) string {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.url = url
	return url
}
