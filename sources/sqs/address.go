package sqs

import (
	"context"
	"errors"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/sqs"
)

// address returns the queue's URL. On AWS it follows from the ARN, and no permission beyond those of Lambda's own
// pollers is needed (sqs:GetQueueUrl is not among them). Elsewhere the endpoint is asked, once.
//
// The URL may name a host that cannot be reached from here, as those of emulators often do. It is passed on as it is:
// the client sends every request to its own endpoint, and to the service the URL is only the queue's name.
func (q *Queue) address(ctx context.Context) (string, error) {
	if url := q.knownURL(); url != "" {
		return url, nil
	}
	if url, ok := urlOf(q.arn); ok && q.client.Options().BaseEndpoint == nil {
		return q.remember(url), nil
	}
	in := &sdk.GetQueueUrlInput{QueueName: &q.arn.Resource}
	if q.arn.Account != "" {
		in.QueueOwnerAWSAccountId = &q.arn.Account
	}
	out, err := q.client.GetQueueUrl(ctx, in)
	if url, ok := urlOf(q.arn); ok && errors.Is(codes.Wrap(err), ErrDenied) {
		return q.remember(url), nil // a VPC endpoint: the URL is that of AWS
	}
	if err != nil {
		return "", err
	}
	return q.remember(aws.ToString(out.QueueUrl)), nil
}

func (q *Queue) knownURL() string {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.url
}

func (q *Queue) remember(url string) string {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.url = url
	return url
}

// forget drops what is known of the queue, so that one that is made anew under the same name is found and asked.
func (q *Queue) forget() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.url, q.attrs, q.asked = "", Attributes{}, time.Time{}
}
