package provision

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/esm-run/esm/cmd/esm/awsclient"
	"github.com/esm-run/esm/cmd/esm/configfile"
	"github.com/esm-run/esm/config"
)

// buckets lists the file's Buckets.
func buckets(ctx context.Context, file *configfile.File, c *awsclient.Clients) (all []resource, err error) {
	if len(file.Resources.Buckets) == 0 {
		return nil, nil
	}
	client, err := c.S3(ctx, file.Aws.EndpointOf(config.S3), file.Aws.Region)
	for _, b := range file.Resources.Buckets {
		bucket := bucket{b.Bucket, client, file.Aws.Region}
		all = append(all, resource{name: "bucket " + b.Bucket, describe: bucket.describe, create: bucket.create})
	}
	return all, err
}

type bucket struct {
	name   string
	client *s3.Client
	region string
}

func (b bucket) describe(ctx context.Context) (state, error) {
	if _, err := b.client.HeadBucket(ctx, &s3.HeadBucketInput{Bucket: &b.name}); err != nil {
		return notFound[*types.NotFound](err)
	}
	return state{exists: true}, nil
}

// create creates the bucket in its region. us-east-1 must not be named as a location (AWS API reference:
// "CreateBucket").
func (b bucket) create(ctx context.Context) error {
	input := &s3.CreateBucketInput{Bucket: &b.name}
	if b.region != "us-east-1" {
		input.CreateBucketConfiguration = &types.CreateBucketConfiguration{LocationConstraint: types.BucketLocationConstraint(b.region)}
	}
	_, err := b.client.CreateBucket(ctx, input)
	return unlessExists[*types.BucketAlreadyOwnedByYou](err)
}
