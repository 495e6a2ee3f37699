package destinations

import (
	"context"
	"net/http"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/esm-run/esm"
	"github.com/esm-run/esm/awserr"
	"github.com/esm-run/esm/config"
)

// queue sends each notice as a message. Only a dead letter has attributes. With the notice of an asynchronous event goes its
// trace header, as a system attribute.
type queue struct {
	client *sqs.Client
	arn    config.ARN

	mu  sync.Mutex // guards url; not held during a request
	url string     // empty until it is known
}

// Send implements [esm.Destination] by one SendMessage, which needs sqs:SendMessage. The first call also asks an endpoint
// other than AWS's own for the queue's URL.
func (q *queue) Send(ctx context.Context, n esm.Notice) error {
	m, err := messageOf(n)
	if err == nil {
		err = q.send(ctx, m, traceHeader(n))
	}
	if err != nil {
		return failed("send to queue", q.arn.Resource, err)
	}
	return nil
}

func (q *queue) send(ctx context.Context, m message, trace string) error {
	url, err := q.address(ctx)
	if err != nil {
		return err
	}
	in := &sqs.SendMessageInput{QueueUrl: &url, MessageBody: &m.body, MessageAttributes: queueAttributes(m)}
	if trace != "" {
		in.MessageSystemAttributes = map[string]types.MessageSystemAttributeValue{
			string(types.MessageSystemAttributeNameForSendsAWSTraceHeader): {DataType: aws.String("String"), StringValue: &trace},
		}
	}
	_, err = q.client.SendMessage(ctx, in, withoutRetries)
	if permanent(err) {
		q.setURL("") // the queue may be created again with another URL
	}
	return err
}

func queueAttributes(m message) (attributes map[string]types.MessageAttributeValue) {
	for _, a := range m.attributes {
		if attributes == nil {
			attributes = map[string]types.MessageAttributeValue{}
		}
		attributes[a.name] = types.MessageAttributeValue{DataType: &a.kind, StringValue: &a.value}
	}
	return attributes
}

// address returns the queue's URL. On AWS it follows from the ARN, except in an unknown partition. Another endpoint is asked
// for it, which a VPC endpoint may refuse. The client sends every request to its own endpoint: the URL only names the queue.
func (q *queue) address(ctx context.Context) (string, error) {
	q.mu.Lock()
	url := q.url
	q.mu.Unlock()
	if url != "" {
		return url, nil
	}
	derived, known := config.QueueURL(q.arn)
	if known && q.client.Options().BaseEndpoint == nil {
		return q.setURL(derived), nil
	}
	out, err := q.ask(ctx, withoutRetries)
	switch {
	case err == nil:
		return q.setURL(aws.ToString(out.QueueUrl)), nil
	case known && awserr.Status(err) == http.StatusForbidden:
		return q.setURL(derived), nil
	}
	return "", err
}

func (q *queue) ask(ctx context.Context, options ...func(*sqs.Options)) (*sqs.GetQueueUrlOutput, error) {
	in := &sqs.GetQueueUrlInput{QueueName: &q.arn.Resource, QueueOwnerAWSAccountId: &q.arn.Account}
	return q.client.GetQueueUrl(ctx, in, options...)
}

func withoutRetries(o *sqs.Options) { o.Retryer = aws.NopRetryer{} }

func (q *queue) setURL(url string) string {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.url = url
	return url
}

// Reach implements [Reachable] by GetQueueUrl.
func (q *queue) Reach(ctx context.Context) error {
	_, err := q.ask(ctx)
	return reached("queue", q.arn.Resource, err)
}
