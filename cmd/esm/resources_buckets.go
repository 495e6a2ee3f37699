package main

import (
	"context"
	"github.com/esm-run/esm/cmd/esm/awsclient"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/esm-run/esm/cmd/esm/configfile"
	"github.com/esm-run/esm/config"
)

// bucketsToMake are the file's Buckets.
func bucketsToMake(ctx context.Context, file *configfile.File, c *awsclient.Clients) (all []resource, err error) {
	if len(file.Resources.Buckets) == 0 {
		return nil, nil
	}
	client, err := c.S3(ctx, file.Aws.EndpointOf(config.S3), file.Aws.Region)
	for _, b := range file.Resources.Buckets {
		bucket := bucketToMake{b.Bucket, client, file.Aws.Region}
		all = append(all, resource{name: "bucket " + b.Bucket, look: bucket.look, create: bucket.create})
	}
	return all, err
}

type bucketToMake struct {
	name   string
	client *s3.Client
	region string
}

func (b bucketToMake) look(ctx context.Context) (found, error) {
	if _, err := b.client.HeadBucket(ctx, &s3.HeadBucketInput{Bucket: &b.name}); err != nil {
		return notFound[*types.NotFound](err)
	}
	return found{there: true}, nil
}

// create makes the bucket in its region, of which the first is named by not naming one (AWS: the API reference of
// CreateBucket).
func (b bucketToMake) create(ctx context.Context) error {
	input := &s3.CreateBucketInput{Bucket: &b.name}
	if b.region != "us-east-1" {
		input.CreateBucketConfiguration = &types.CreateBucketConfiguration{LocationConstraint: types.BucketLocationConstraint(b.region)}
	}
	_, err := b.client.CreateBucket(ctx, input)
	return unlessThere[*types.BucketAlreadyOwnedByYou](err)
}
