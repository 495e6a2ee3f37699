package destinations

import (
	"bytes"
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/esm-run/esm"
)

// S3 writes notices into a bucket: each is an object, and alone of all destinations it has the event itself, as text. Many
// may use it at once.
type S3 struct {
	client *sdk.Client
	bucket string
}

var _ esm.Destination = (*S3)(nil)

// NewS3 makes a destination of the bucket that arn names. The client speaks to its Region or, when it has a BaseEndpoint,
// to an emulator, which may want UsePathStyle. Nothing goes over the network: the bucket need not exist yet.
func NewS3(client *sdk.Client, arn string) (*S3, error) {
	a, err := parse(arn, ServiceS3)
	if err != nil {
		return nil, fmt.Errorf("destinations: %q %w", arn, err)
	}
	return &S3{client: client, bucket: a.Resource}, nil
}

// Send is [esm.Destination].Send by one PutObject, which needs s3:PutObject. The same notice is the same object however
// often it is sent.
func (s *S3) Send(ctx context.Context, n esm.Notice) error {
	body, err := write(n, true)
	if err == nil {
		_, err = s.client.PutObject(ctx, &sdk.PutObjectInput{
			Bucket: &s.bucket, Key: aws.String(key(n)),
			Body: bytes.NewReader(body), ContentType: aws.String("application/octet-stream"),
		}, func(o *sdk.Options) { o.Retryer = aws.NopRetryer{} })
	}
	if err != nil {
		return failed("put into bucket", s.bucket, err)
	}
	return nil
}

// key is what Lambda calls the object: by mapping, shard and time in UTC, and by a UUID.
func key(n esm.Notice) string {
	return fmt.Sprintf("aws/lambda/%s/%s/%s-%s", n.Mapping, n.Shard, stamp(n.Time, "2006/01/02/2006-01-02T15.04.05"), n.ID)
}
