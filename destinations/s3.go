package destinations

import (
	"bytes"
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/esm-run/esm"
)

// bucket writes each notice as an object that contains the event, also that of a stream's batch.
type bucket struct {
	client *s3.Client
	name   string
}

// Send implements [esm.Destination] by one PutObject, which needs s3:PutObject. Sending a notice again replaces its object.
func (b *bucket) Send(ctx context.Context, n esm.Notice) error {
	if err := b.put(ctx, n); err != nil {
		return failed("put into bucket", b.name, err)
	}
	return nil
}

func (b *bucket) put(ctx context.Context, n esm.Notice) error {
	key, err := objectKey(n)
	if err != nil {
		return err
	}
	body, err := document(n, true)
	if err != nil {
		return err
	}
	_, err = b.client.PutObject(ctx, &s3.PutObjectInput{
		Bucket: &b.name, Key: &key, Body: bytes.NewReader(body), ContentType: aws.String("application/octet-stream"),
	}, func(o *s3.Options) {
		o.Retryer, o.APIOptions = aws.NopRetryer{}, append(o.APIOptions, traced(n)...)
	})
	return err
}

// Reach implements [Reachable] by HeadBucket.
func (b *bucket) Reach(ctx context.Context) error {
	_, err := b.client.HeadBucket(ctx, &s3.HeadBucketInput{Bucket: &b.name})
	return reached("bucket", b.name, err)
}
