package destinations

import (
	"context"
	"fmt"
	"net/http"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/sns"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/esm-run/esm"
)

// Reachable is a destination that can be asked whether it is there, before there is anything to send.
type Reachable interface {
	esm.Destination

	// Reach says why the destination cannot be reached. Who may send need not have the permission to ask: that it is denied
	// is no error. It makes one call, with the client's own retries.
	Reach(ctx context.Context) error
}

// Reach is [Reachable].Reach by GetQueueUrl.
func (q *SQS) Reach(ctx context.Context) error {
	_, err := q.client.GetQueueUrl(ctx, &sqs.GetQueueUrlInput{QueueName: &q.arn.Resource, QueueOwnerAWSAccountId: &q.arn.Account})
	return reached("queue", q.arn.Resource, err)
}

// Reach is [Reachable].Reach by GetTopicAttributes.
func (t *SNS) Reach(ctx context.Context) error {
	_, err := t.client.GetTopicAttributes(ctx, &sns.GetTopicAttributesInput{TopicArn: &t.arn})
	return reached("topic", t.arn, err)
}

// Reach is [Reachable].Reach by HeadBucket.
func (s *S3) Reach(ctx context.Context) error {
	_, err := s.client.HeadBucket(ctx, &s3.HeadBucketInput{Bucket: &s.bucket})
	return reached("bucket", s.bucket, err)
}

func reached(what, name string, err error) error {
	if err == nil || statusOf(err) == http.StatusForbidden || strings.HasPrefix(codeOf(err), "AccessDenied") {
		return nil
	}
	return fmt.Errorf("destinations: %s %s: %w", what, name, err)
}
