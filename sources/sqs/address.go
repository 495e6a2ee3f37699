package sqs

import (
	"context"
	"errors"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/esm-run/esm/config"
)

// facts are what is known of a queue.
type facts struct {
	url   string // empty until it is known
	attrs Attributes
	asked time.Time // when attrs were last asked for; zero while they are unknown
}

func (q *Queue) facts() facts {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.known
}

func (q *Queue) learn(change func(*facts)) {
	q.mu.Lock()
	defer q.mu.Unlock()
	change(&q.known)
}

// address returns the queue's URL. On AWS it follows from the ARN, so that no permission beyond those of Lambda's own
// pollers is needed (sqs:GetQueueUrl is not among them). Elsewhere the endpoint is asked, once.
//
// The URL may name a host that cannot be reached from here, as those of emulators often do. It is used as it is: the client
// sends every request to its own endpoint, and for the service the URL only identifies the queue.
func (q *Queue) address(ctx context.Context) (string, error) {
	if url := q.facts().url; url != "" {
		return url, nil
	}
	url, derived := config.QueueURL(q.arn)
	if !derived || q.client.Options().BaseEndpoint != nil {
		in := &sdk.GetQueueUrlInput{QueueName: &q.arn.Resource}
		if q.arn.Account != "" {
			in.QueueOwnerAWSAccountId = &q.arn.Account
		}
		out, err := q.client.GetQueueUrl(ctx, in)
		switch {
		case err == nil:
			url = aws.ToString(out.QueueUrl)
		case !derived || !errors.Is(codes.Wrap(err), ErrDenied): // at a VPC endpoint the URL is that of AWS
			return "", err
		}
	}
	q.learn(func(f *facts) { f.url = url })
	return url, nil
}
